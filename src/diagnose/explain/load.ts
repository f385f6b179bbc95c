import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFMT } from '../../../native/abi/stat.ts'
import { decode } from '../../../native/utf8.ts'
import type { Config, Seccomp } from '../../../spec/generated/config.ts'
import { refuse } from '../../config/checks/checks.ts'
import { SECCOMP_CHECKS } from '../../config/checks/seccomp.ts'
import type { JsonObject } from '../../config/json.ts'
import { readJson, validate } from '../../config/load.ts'
import { ConfigError } from '../../errors.ts'
import { readInput } from '../../host/callersFiles.ts'
import type { Runtime } from '../../runtime.ts'
import { Draft } from '../draft.ts'
import { type Finding, fromReason } from '../finding.ts'
import { type Bearer, isEngineProfile, resolveProfile } from './engines.ts'

/** A profile from a file. */
export interface LoadedProfile {
  readonly profile: Seccomp
  /** What is wrong with it, so that a part of it could not be taken. */
  readonly faults: readonly Finding[]
  /** A pointer of the compiler, `/linux/seccomp/syscalls/3`, as the file has it. */
  place(pointer: string): string
}

const INSIDE_CONFIG = '/linux/seccomp'

/**
 * Reads a profile: linux.seccomp of a bundle or of a config.json, that object alone, or the format of container engines,
 * whose conditional rules are resolved for `bearer`. Errors: ConfigError when there is none.
 */
export function loadProfile(runtime: Runtime, path: string, bearer: Bearer): LoadedProfile {
  const { outside } = runtime
  const absolute = runtime.absolute(path)
  const { stat } = outside.statx(AT_FDCWD, absolute, 0)
  if (stat === undefined) throw new ConfigError(`\`${absolute}\` does not exist`)
  const isBundle = (stat.mode & S_IFMT) === S_IFDIR
  const file = isBundle ? `${absolute}/config.json` : absolute
  return readProfileText(decode(readInput(outside, file)!), file, bearer)
}

/** See loadProfile(); `name` is the file's. */
export function readProfileText(text: string, name: string, bearer: Bearer): LoadedProfile {
  const { data, odd, settle } = readJson(text, `\`${name}\``)
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw new ConfigError(`\`${name}\` is neither a profile nor a config.json`)
  const config = 'ociVersion' in data
  const own = (config ? (data as { linux?: { seccomp?: JsonObject } }).linux?.seccomp : data) as JsonObject | undefined
  if (own === undefined) throw new ConfigError(`\`${name}\` has no linux.seccomp, so every system call is allowed`)
  const engine = !config && isEngineProfile(own)
  const { profile, places } = engine ? resolveProfile(own, bearer) : { profile: own, places: undefined }
  const draft = new Draft({ ociVersion: '1.3.0', linux: { seccomp: profile } } as unknown as Config)
  const shape = draft.faults(validate)
  const meaning = SECCOMP_CHECKS.flatMap(check => draft.opinion(value => refuse(check, value)))
  for (const { pointer } of meaning) if (pointer !== undefined) draft.drop(pointer)
  settle()
  const left = draft.value.linux?.seccomp
  const place = (pointer: string) => {
    const read = draft.place(pointer)
    const inProfile =
      places === undefined ? read : read.replace(/(?<=\/syscalls\/)\d+/, index => `${places[Number(index)]}`)
    return config ? inProfile : inProfile.slice(INSIDE_CONFIG.length)
  }
  // Those of the draft are places already.
  const told = (pointer: string) => (config ? pointer : pointer.slice(INSIDE_CONFIG.length))
  const faults = [...shape, ...meaning].map(({ pointer, reason }) =>
    fromReason('error', pointer === undefined ? undefined : told(pointer), reason),
  )
  for (const { pointer, reason } of odd) faults.push(fromReason('warning', pointer, reason))
  if (left === undefined) throw new ConfigError(`${faults[0]?.pointer}: ${faults[0]?.message}`)
  return { profile: left, faults, place }
}
