import { checkId, complaint, idOfBundle } from '../../config/id.ts'
import { UsageError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'

/** A container to be made: its name, and where its bundle is. */
export interface Target {
  readonly id: string
  readonly bundle: string
}

/**
 * What `run WORD` is about. With --bundle, or in a bundle, WORD is an id, as for every runtime; else it can be the path
 * of a bundle, which then also gives the name. Throws a UsageError when it is neither. Where a `config` other than the
 * bundle's is named, a dot is no bundle, but what it is to the others: an id, and none that is allowed.
 */
export function chooseTarget(
  runtime: Pick<Runtime, 'isBundle' | 'absolute'>,
  word: string,
  bundle: string | undefined,
  config?: string,
): Target {
  if (bundle !== undefined && bundle !== '') return { id: checkId(word), bundle }
  const isDots = word === '.' || word === '..'
  const isPath = word.includes('/') || isDots
  if (isDots && config !== undefined) return { id: checkId(word), bundle: '.' }
  if (runtime.isBundle(word) && (isPath || !runtime.isBundle('.')))
    return { id: idOfBundle(runtime.absolute(word)), bundle: word }
  if (isPath)
    throw new UsageError(
      `\`${word}\` is not a bundle: there is no config.json in it; and no container ID: ${complaint(word)}`,
    )
  return { id: checkId(word), bundle: '.' }
}
