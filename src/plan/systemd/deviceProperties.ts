import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from '../../../native/abi/bpf.ts'
import { allowedAccess, type DeviceRule, EVERY_ACCESS } from '../devices/deviceRules.ts'
import type { Property } from './property.ts'

type DeviceKind = 'char' | 'block'

/** Devices as systemd can name them: one, all of a major number, all of a kind. */
interface DeviceSet {
  readonly kind: DeviceKind
  readonly major: number | undefined
  readonly minor: number | undefined
  readonly access: number
}

const KINDS = ['char', 'block'] as const

/**
 * DevicePolicy and DeviceAllow that mean the same as the rules. None when everything is allowed, nor when systemd's list,
 * which can only allow, has no words for it: the filter that tsrun attaches itself decides in every case, and systemd's
 * must not forbid more.
 */
export function deviceProperties(rules: readonly DeviceRule[]): Property[] {
  const entries = allowList(rules)
  const unrestricted = entries.some(entry => entry.major === undefined && entry.access === EVERY_ACCESS)
  if (unrestricted || !isExact(rules, entries)) return []
  const allow = entries.map(entry => [nameOf(entry), accessText(entry.access)])
  return [
    { name: 'DevicePolicy', variant: { signature: 's', value: 'strict' } },
    { name: 'DeviceAllow', variant: { signature: 'a(ss)', value: allow } },
  ]
}

/** What the rules leave allowed of every device or group of devices that they name. */
function allowList(rules: readonly DeviceRule[]): DeviceSet[] {
  const entries = new Map<string, DeviceSet>()
  for (const { type, major, minor } of rules) {
    if (major === undefined && minor !== undefined) continue // systemd has no name for it
    for (const kind of type === 'any' ? KINDS : [type]) {
      const entry = { kind, major, minor, access: allowedAccess(rules, kind, major, minor) }
      if (entry.access !== 0) entries.set(nameOf(entry), entry)
    }
  }
  return [...entries.values()]
}

/** Does the list allow what the rules allow, to every device that one of them tells apart? */
function isExact(rules: readonly DeviceRule[], entries: readonly DeviceSet[]): boolean {
  const majors = new Set([undefined, ...rules.map(rule => rule.major)])
  const minors = new Set([undefined, ...rules.map(rule => rule.minor)])
  return KINDS.every(kind =>
    [...majors].every(major =>
      [...minors].every(
        minor => listedAccess(entries, kind, major, minor) === allowedAccess(rules, kind, major, minor),
      ),
    ),
  )
}

function listedAccess(
  entries: readonly DeviceSet[],
  kind: DeviceKind,
  major: number | undefined,
  minor: number | undefined,
) {
  let access = 0
  for (const entry of entries) {
    const covers = (entry.major ?? major) === major && (entry.minor ?? minor) === minor
    if (entry.kind === kind && covers) access |= entry.access
  }
  return access
}

function nameOf({ kind, major, minor }: Omit<DeviceSet, 'access'>): string {
  return minor === undefined ? `${kind}-${major ?? '*'}` : `/dev/${kind}/${major}:${minor}`
}

function accessText(access: number): string {
  const letter = (bit: number, name: string) => ((access & bit) === 0 ? '' : name)
  return letter(BPF_DEVCG_ACC_READ, 'r') + letter(BPF_DEVCG_ACC_WRITE, 'w') + letter(BPF_DEVCG_ACC_MKNOD, 'm')
}
