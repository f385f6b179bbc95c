// Profiles in the format of container engines: rules that count on some architectures, or with some capabilities, only.

import type { Architecture } from '../../../native/arch/architecture.ts'
import type { JsonObject } from '../../config/json.ts'
import { ConfigError } from '../../errors.ts'

/** Who the profile is for. */
export interface Bearer {
  readonly native: Architecture
  readonly capabilities: readonly string[]
  /** As uname(2) has it, `6.1.0-13-amd64`. */
  readonly kernel: string
}

/** A profile of the specification, and for each of its rules where it stood. */
export interface Resolved {
  readonly profile: JsonObject
  readonly places: readonly number[]
}

/** What engines call the architectures. */
const ENGINE_NAMES = { x86_64: 'amd64', aarch64: 'arm64' } as const
const SECCOMP_NAMES = { x86_64: 'SCMP_ARCH_X86_64', aarch64: 'SCMP_ARCH_AARCH64' } as const

/** Properties that only engines know; the rules are taken apart from them. */
export function isEngineProfile(profile: JsonObject): boolean {
  const rules = Array.isArray(profile['syscalls']) ? (profile['syscalls'] as (JsonObject | null)[]) : []
  return (
    'archMap' in profile || rules.some(rule => rule && ('includes' in rule || 'excludes' in rule || 'name' in rule))
  )
}

/** What an engine would write into config.json. Errors: ConfigError for words of a wrong type. */
export function resolveProfile(profile: JsonObject, bearer: Bearer): Resolved {
  const { archMap, syscalls, defaultErrno: _, ...rest } = profile
  const rules = list(syscalls, '/syscalls').map((rule, place) => ({ rule, place }))
  const kept = rules.filter(({ rule, place }) => counts(rule, bearer, `/syscalls/${place}`))
  const map = archMap === undefined ? [] : list(archMap, '/archMap')
  const own = map.find(entry => entry['architecture'] === SECCOMP_NAMES[bearer.native])
  const known =
    rest['architectures'] ?? (own && [own['architecture'], ...((own['subArchitectures'] as string[]) ?? [])])
  return {
    profile: {
      ...rest,
      ...(known !== undefined && { architectures: known }),
      syscalls: kept.map(({ rule }) => plain(rule)),
    },
    places: kept.map(({ place }) => place),
  }
}

function list(value: unknown, pointer: string): JsonObject[] {
  const entries = value ?? []
  if (!Array.isArray(entries) || entries.some(entry => typeof entry !== 'object' || entry === null))
    throw new ConfigError('must be a list of objects', pointer)
  return entries
}

/** The words of the specification only; `name` is an old one for a rule about one call. */
function plain({ includes: _i, excludes: _e, comment: _c, errno: _n, name, ...rule }: JsonObject): JsonObject {
  if (rule['args'] === null) delete rule['args']
  return name === undefined || rule['names'] !== undefined ? rule : { ...rule, names: [name] }
}

interface RuleFilter {
  readonly caps?: readonly string[]
  readonly arches?: readonly string[]
  readonly minKernel?: string
}

/** All that is included has to be there, and nothing that is excluded. */
function counts(rule: JsonObject, { native, capabilities, kernel }: Bearer, pointer: string): boolean {
  const includes = filter(rule['includes'], `${pointer}/includes`)
  const excludes = filter(rule['excludes'], `${pointer}/excludes`)
  const arch = ENGINE_NAMES[native]
  return (
    (includes.caps ?? []).every(name => capabilities.includes(name)) &&
    !(excludes.caps ?? []).some(name => capabilities.includes(name)) &&
    (!includes.arches?.length || includes.arches.includes(arch)) &&
    !excludes.arches?.includes(arch) &&
    (!includes.minKernel || isAtLeast(kernel, includes.minKernel)) &&
    !(excludes.minKernel && isAtLeast(kernel, excludes.minKernel))
  )
}

function filter(value: unknown, pointer: string): RuleFilter {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw new ConfigError('must be an object', pointer)
  return value as RuleFilter
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(part => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(part => Number.parseInt(part, 10))
  return major !== wantedMajor ? major > wantedMajor : minor >= wantedMinor
}

/** What podman gives a container, when nobody says anything else. */
export const USUAL_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
]
