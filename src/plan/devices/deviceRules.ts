import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from '../../../native/abi/bpf.ts'
import { ConfigError } from '../../errors.ts'

/** One entry of `linux.resources.devices` in config.json. */
export interface DeviceRuleInput {
  readonly allow: boolean
  readonly type?: string | undefined
  readonly major?: number | undefined
  readonly minor?: number | undefined
  readonly access?: string | undefined
}

/** A rule with its wildcards resolved: `any` is both kinds, an undefined number is every number. */
export interface DeviceRule {
  readonly allow: boolean
  readonly type: 'any' | 'char' | 'block'
  readonly major: number | undefined
  readonly minor: number | undefined
  /** BPF_DEVCG_ACC_* bits. */
  readonly access: number
}

/** All that can be asked for: read, write, mknod. */
export const EVERY_ACCESS = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD

const accessBits: Readonly<Record<string, number>> = {
  r: BPF_DEVCG_ACC_READ,
  w: BPF_DEVCG_ACC_WRITE,
  m: BPF_DEVCG_ACC_MKNOD,
}

const types: Readonly<Record<string, DeviceRule['type']>> = { a: 'any', c: 'char', u: 'char', b: 'block' }

function allowed(type: 'char' | 'block', major: number | undefined, minor: number | undefined): DeviceRule {
  return { allow: true, type, major, minor, access: EVERY_ACCESS }
}

/** What every container may use whatever its configuration says: the default devices, terminals, and making any node. */
function defaultRules(): DeviceRule[] {
  return [
    { ...allowed('char', undefined, undefined), access: BPF_DEVCG_ACC_MKNOD },
    { ...allowed('block', undefined, undefined), access: BPF_DEVCG_ACC_MKNOD },
    allowed('char', 1, 3), // null
    allowed('char', 1, 5), // zero
    allowed('char', 1, 7), // full
    allowed('char', 1, 8), // random
    allowed('char', 1, 9), // urandom
    allowed('char', 5, 0), // tty
    allowed('char', 5, 2), // ptmx
    allowed('char', 10, 200), // tun, which crun and runc allow whatever the rules say
    allowed('char', 136, undefined), // the first 2^20 pseudo-terminals
  ]
}

/**
 * The rules of `linux.resources.devices` and after them the default ones, later rules win. A property that is absent
 * stands for everything, -1 for every number. No rules at all is no filter: everything is allowed. Throws a ConfigError
 * for an unknown type.
 */
export function planDeviceRules(
  inputs: readonly DeviceRuleInput[] = [],
  pointer = '/linux/resources/devices',
): DeviceRule[] {
  if (inputs.length === 0)
    return [{ allow: true, type: 'any', major: undefined, minor: undefined, access: EVERY_ACCESS }]
  return [...inputs.map((input, index) => planRule(input, `${pointer}/${index}`)), ...defaultRules()]
}

function planRule(input: DeviceRuleInput, pointer: string): DeviceRule {
  const { allow, type = 'a', access = 'rwm' } = input
  if (!Object.hasOwn(types, type)) {
    throw new ConfigError(`\`${type}\` is not a kind of device; rules are for \`a\`, \`b\` or \`c\``, `${pointer}/type`)
  }
  let bits = 0
  for (const letter of access) {
    // Other letters say nothing, as in crun and runc.
    if (Object.hasOwn(accessBits, letter)) bits |= accessBits[letter]!
  }
  return {
    allow,
    type: types[type]!,
    major: number(input.major, `${pointer}/major`),
    minor: number(input.minor, `${pointer}/minor`),
    access: bits,
  }
}

function number(value: number | undefined, pointer: string): number | undefined {
  if (value === undefined || value === -1) return undefined
  if (value < 0 || value > 0xffff_ffff) throw new ConfigError(`${value} is not a device number`, pointer)
  return value
}

/**
 * Which kinds of access the rules allow to a device. Every bit is decided on its own by the last rule that matches the
 * device and has the bit; a bit that no rule decides is denied. An undefined number is one that no rule names.
 *
 * A request for several bits, as open(2) with O_RDWR makes one, is allowed when all of them are. That is what the device
 * controller of cgroup v1 does. Asking instead for one rule that covers the whole request would refuse O_RDWR after
 * "allow r, allow w", and, worse, grant it after "allow rwm, deny w".
 */
export function allowedAccess(
  rules: readonly DeviceRule[],
  type: 'char' | 'block',
  major: number | undefined,
  minor: number | undefined,
): number {
  let undecided = EVERY_ACCESS
  let granted = 0
  for (let i = rules.length - 1; i >= 0 && undecided !== 0; i--) {
    const rule = rules[i]!
    if (rule.type !== 'any' && rule.type !== type) continue
    if (rule.major !== undefined && rule.major !== major) continue
    if (rule.minor !== undefined && rule.minor !== minor) continue
    if (rule.allow) granted |= rule.access & undecided
    undecided &= ~rule.access
  }
  return granted
}
