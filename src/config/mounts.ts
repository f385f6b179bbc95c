import { ConfigError } from '../errors.ts'
import type { MountInput } from '../plan/mounts.ts'
import { dropAbsent } from './absent.ts'
import { validate } from './load.ts'
import { findSyntaxError } from './syntax.ts'

/**
 * Reads a list of mounts, written like `mounts` of config.json; an object that has the list as its `mounts` will do, too.
 * Errors: ConfigError, with a JSON pointer below /mounts for a wrong shape. `name` is the text's, for messages.
 */
export function parseMounts(text: string, name: string): readonly MountInput[] {
  const data = parseJson(text, name)
  const mounts = Array.isArray(data) ? data : (data as { mounts?: unknown } | null)?.mounts
  if (!Array.isArray(mounts))
    throw new ConfigError(`${name} is not a list of mounts, such as \`[{"destination": "/mnt", "type": "tmpfs"}]\``)
  const config: unknown = { ociVersion: '1.0.0', mounts }
  dropAbsent(text, config, '')
  validate(config)
  return (config.mounts ?? []) as readonly MountInput[]
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ConfigError(`${name} ${findSyntaxError(text)}`)
  }
}
