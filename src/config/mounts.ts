import { ConfigError } from '../errors.ts'
import type { MountInput } from '../plan/mounts/mounts.ts'
import { dropAbsent } from './absent.ts'
import { parseJson, type Tell, validate } from './load.ts'

/**
 * Reads a list of mounts, written like `mounts` of config.json; an object that has the list as its `mounts` will do, too.
 * Errors: ConfigError, with a JSON pointer below /mounts for a wrong shape. `name` is the text's, for messages.
 */
export function parseMounts(given: string, name: string, tell?: Tell): readonly MountInput[] {
  const { data, text, rest } = parseJson(given, name)
  if (rest !== undefined) tell?.(rest)
  const mounts = Array.isArray(data) ? data : (data as { mounts?: unknown } | null)?.mounts
  if (!Array.isArray(mounts))
    throw new ConfigError(`${name} is not a list of mounts, such as \`[{"destination": "/mnt", "type": "tmpfs"}]\``)
  const config: unknown = { ociVersion: '1.0.0', mounts }
  dropAbsent(text, config, '')
  validate(config)
  return (config.mounts ?? []) as readonly MountInput[]
}
