import { isIn } from '../../../native/utf8.ts'
import type { Config } from '../../../spec/generated/config.ts'
import { ConfigError, escaped } from '../../errors.ts'
import { LINUX_CHECKS } from './linux.ts'
import { MOUNT_CHECKS } from './mounts.ts'
import { NAMESPACE_CHECKS } from './namespaces.ts'
import type { Check, Complaint } from './namespacesOf.ts'
import { PROCESS_CHECKS } from './process.ts'
import { SECCOMP_CHECKS } from './seccomp.ts'

/**
 * Throws a ConfigError about the first thing that makes no sense in a config of the right shape. What a kernel or a host
 * says about it is not looked at. `text` is the JSON of it, if known.
 */
export function checkConfig(config: Config, text?: string): void {
  const isWithoutNul = text !== undefined && !isIn(text, NUL_IN_JSON)
  for (const check of CHECKS) if (!(isWithoutNul && check === noNul)) refuse(check, config)
}

/** Throws a ConfigError about what this one check finds. */
export function refuse(check: Check, config: Config): void {
  const complaint = check(config)
  if (complaint !== undefined) throw new ConfigError(complaint.reason, complaint.pointer)
}

/** In the order in which a reader would look. */
export const CHECKS: readonly Check[] = [
  rootIsGiven,
  noNul,
  ...PROCESS_CHECKS,
  ...NAMESPACE_CHECKS,
  ...MOUNT_CHECKS,
  ...LINUX_CHECKS,
  ...SECCOMP_CHECKS,
]

function rootIsGiven({ root }: Config): Complaint | undefined {
  if (root === undefined)
    return { pointer: '/root', reason: 'is missing; a container on Linux needs a root file system' }
  return root.path === '' ? { pointer: '/root/path', reason: 'must not be empty' } : undefined
}

/** There is no other way to write one. */
const NUL_IN_JSON = '\\u0000'

/** The parts of the config that reach the kernel. Names of system calls do not, and there are hundreds. */
const REACH_KERNEL = ['root', 'process', 'hostname', 'domainname', 'mounts', 'hooks', 'linux'] as const

/** The kernel would silently cut a string at its first NUL. The place is looked for only when there is one. */
function noNul(config: Config): Complaint | undefined {
  for (const part of REACH_KERNEL) {
    const pointer = hasNul(config[part]) ? nulBelow(config[part], `/${part}`) : undefined
    if (pointer !== undefined) return { pointer, reason: 'contains a NUL character' }
  }
  return undefined
}

function hasNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  if (typeof value !== 'object' || value === null) return false
  for (const key in value)
    if (key !== 'syscalls' && (key.includes('\0') || hasNul((value as Record<string, unknown>)[key]))) return true
  return false
}

function nulBelow(value: unknown, pointer: string): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? pointer : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'syscalls') continue
    const found = key.includes('\0') ? pointer : nulBelow(inner, `${pointer}/${escaped(key)}`)
    if (found !== undefined) return found
  }
  return undefined
}
