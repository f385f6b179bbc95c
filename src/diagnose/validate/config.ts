import type { Config } from '../../../spec/generated/config.ts'
import { CHECKS, refuse } from '../../config/checks/checks.ts'
import { readJson, validate } from '../../config/load.ts'
import { nearest } from '../../config/nearest.ts'
import { oddities } from '../../config/oddities.ts'
import { ConfigError, escaped } from '../../errors.ts'
import { Draft } from '../draft.ts'
import { type Finding, finding, fromReason } from '../finding.ts'
import { unknownProperties } from '../properties.ts'

/** What can be said of a config.json without a look at the host. */
export interface ConfigReading {
  readonly findings: readonly Finding[]
  /** The configuration without what is wrong in it; undefined when nothing can be read. */
  readonly draft: Draft<Config> | undefined
}

/** Reads the text of a config.json and finds everything that `create` would refuse about its shape and meaning. */
export function readDraft(text: string): ConfigReading {
  try {
    return judge(text)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { findings: [fromReason('error', error.pointer, withoutPointer(error))], draft: undefined }
  }
}

/** Deeper than any configuration, and no danger for the stack of those who walk through it. */
const DEPTH_MAX = 200

function refuseDepth(text: string): void {
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{}\]]/gs)) {
    if (token === '[' || token === '{') depth++
    else if (token === ']' || token === '}') depth--
    if (depth > DEPTH_MAX) throw new ConfigError(`config.json is nested deeper than ${DEPTH_MAX} levels`)
  }
}

function judge(text: string): ConfigReading {
  refuseDepth(text)
  const { data, odd, settle } = readJson(text, 'config.json')
  const draft = new Draft(data as Config)
  const unknown = unknownNames(data)
  const shape = draft.faults(validate)
  if (shape.some(({ pointer }) => pointer === undefined))
    return { findings: shape.map(({ reason }) => fromReason('error', undefined, reason)), draft: undefined }
  const meaning = CHECKS.flatMap(check => draft.opinion(config => refuse(check, config)))
  for (const { pointer } of meaning) if (pointer !== undefined) draft.drop(pointer)
  settle()
  const ignored = odd.map(({ pointer, reason }) => finding('warning', pointer, reason))
  const strange = oddities(draft.value).map(({ pointer, reason }) =>
    finding('warning', pointer && draft.place(pointer), reason),
  )
  const errors = [...shape, ...meaning].map(({ pointer, reason }) => fromReason('error', pointer, reason))
  return { findings: [...errors, ...ignored, ...strange, ...unknown], draft }
}

function withoutPointer({ pointer, reason }: ConfigError): string {
  return pointer === undefined ? reason : reason.slice(pointer.length + 2)
}

/** Runtimes have to ignore what they do not know (config.md, Extensibility), so a misspelt limit is none. */
function unknownNames(data: unknown): Finding[] {
  return unknownProperties(data).map(({ keys, known }) => {
    const meant = nearest(keys.at(-1)!, known)
    const pointer = `/${keys.map(escaped).join('/')}`
    const hint = meant === undefined ? undefined : `did you mean \`${meant}\`?`
    return finding('warning', pointer, 'is no property of the specification and has no effect', hint)
  })
}
