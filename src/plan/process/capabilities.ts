import { capabilities } from '../../../native/abi/capability.ts'

/** The five sets of capabilities(7), in the order in which they are planned. */
const SETS = ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'] as const

export type CapabilitySet = (typeof SETS)[number]

/** `process.capabilities` of config.json: names for each set. */
export type CapabilitiesInput = { readonly [set in CapabilitySet]?: readonly string[] | undefined }

/** The sets to apply as bit masks: bit n is the capability with number n. */
export type CapabilityPlan = { readonly [set in CapabilitySet]: bigint } & {
  /** Names of no capability, what is effective without being permitted, and what can not be ambient, in sentences. */
  readonly warnings: readonly string[]
  /** What is ambient where nothing is inheritable, as in crun's template; in sentences. */
  readonly useless: readonly string[]
}

/** The number of `CAP_X`, exactly in upper case; undefined when there is no such capability. */
export function capabilityNumber(name: string): number | undefined {
  return Object.hasOwn(capabilities, name) ? capabilities[name] : undefined
}

/** The names of the capabilities in a mask, by number. */
export function capabilityNames(mask: bigint): string[] {
  if (mask === 0n) return []
  return Object.keys(capabilities).filter(name => (mask >> BigInt(capabilities[name]!)) & 1n)
}

/**
 * The masks for `process.capabilities`. Without the object all five sets are empty: a program gets no privilege that
 * nobody asked for. What can not be granted is left out with a warning, as config.md demands: an unknown name, and a
 * capability that the kernel would refuse because a set that it depends on lacks it (effective needs permitted; ambient
 * needs permitted and inheritable).
 */
export function planCapabilities(
  input: CapabilitiesInput | undefined,
  pointer = '/process/capabilities',
): CapabilityPlan {
  const [bounding, permitted, effective, inheritable, ambient] = SETS.map(set => capabilityMask(input?.[set])) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ]
  const grantable = permitted & inheritable
  const raising = notRaised(ambient & ~grantable, pointer)
  return {
    bounding,
    permitted,
    effective: effective & permitted,
    inheritable,
    ambient: ambient & grantable,
    useless: inheritable === 0n ? raising : [],
    warnings: [
      ...unknownNames(input ?? {}, pointer),
      ...lost(effective & ~permitted, pointer),
      ...(inheritable === 0n ? [] : raising),
    ],
  }
}

/** The mask of a list of names; unknown ones have no bit. */
export function capabilityMask(names: readonly string[] | undefined): bigint {
  let mask = 0n
  for (const name of names ?? []) {
    const number = capabilityNumber(name)
    if (number !== undefined) mask |= 1n << BigInt(number)
  }
  return mask
}

/** Each of them once, however many sets have it. */
function unknownNames(input: CapabilitiesInput, pointer: string): string[] {
  const places = new Map<string, string>()
  for (const set of SETS)
    for (const [index, name] of (input[set] ?? []).entries())
      if (capabilityNumber(name) === undefined && !places.has(name)) places.set(name, `${pointer}/${set}/${index}`)
  return [...places].map(([name, place]) => `${place}: \`${name}\` is left out: it is no capability that we know`)
}

function lost(mask: bigint, pointer: string): string[] {
  return capabilityNames(mask).map(name => `${pointer}/effective: \`${name}\` is left out, as it is not permitted`)
}

/** In runc's words: who sets ambient capabilities counts on them. */
function notRaised(mask: bigint, pointer: string): string[] {
  const names = capabilityNames(mask).join(', ')
  return names === ''
    ? []
    : [`${pointer}/ambient: can't raise ambient capability ${names}: not permitted and inheritable`]
}
