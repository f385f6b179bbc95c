import { capabilities } from '../../native/abi/capability.ts'
import { ConfigError } from '../errors.ts'

/** The five sets of capabilities(7), in the order in which they are planned. */
const SETS = ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'] as const

export type CapabilitySet = (typeof SETS)[number]

/** `process.capabilities` of config.json: names for each set. */
export type CapabilitiesInput = { readonly [set in CapabilitySet]?: readonly string[] | undefined }

/** The sets to apply as bit masks: bit n is the capability with number n. */
export type CapabilityPlan = { readonly [set in CapabilitySet]: bigint } & {
  /** What config.json asked for and can not be had, in sentences. */
  readonly warnings: readonly string[]
}

/** The number of `CAP_X`, exactly in upper case; undefined when there is no such capability. */
export function capabilityNumber(name: string): number | undefined {
  return Object.hasOwn(capabilities, name) ? capabilities[name] : undefined
}

/** The names of the capabilities in a mask, by number. */
export function capabilityNames(mask: bigint): string[] {
  return Object.keys(capabilities).filter(name => (mask >> BigInt(capabilities[name]!)) & 1n)
}

/**
 * The masks for `process.capabilities`. Without the object all five sets are empty: a program gets no privilege that
 * nobody asked for. Throws a ConfigError for an unknown name. A capability that the kernel would refuse because a set
 * that it depends on lacks it (effective needs permitted; ambient needs permitted and inheritable) is left out with a
 * warning, as config.md demands for what can not be granted.
 */
export function planCapabilities(
  input: CapabilitiesInput | undefined,
  pointer = '/process/capabilities',
): CapabilityPlan {
  const [bounding, permitted, effective, inheritable, ambient] = SETS.map(set =>
    capabilityMask(input?.[set], `${pointer}/${set}`),
  ) as [bigint, bigint, bigint, bigint, bigint]
  const grantable = permitted & inheritable
  return {
    bounding,
    permitted,
    effective: effective & permitted,
    inheritable,
    ambient: ambient & grantable,
    warnings: [
      ...lost(effective & ~permitted, `${pointer}/effective`, 'permitted'),
      ...lost(ambient & ~grantable, `${pointer}/ambient`, 'permitted and inheritable'),
    ],
  }
}

/** The mask of a list of names. Throws a ConfigError, with the name's place below `pointer`, for an unknown one. */
export function capabilityMask(names: readonly string[] | undefined, pointer: string): bigint {
  let mask = 0n
  names?.forEach((name, index) => {
    const number = capabilityNumber(name)
    if (number === undefined) {
      throw new ConfigError(`\`${name}\` is not a capability, see capabilities(7)`, `${pointer}/${index}`)
    }
    mask |= 1n << BigInt(number)
  })
  return mask
}

function lost(mask: bigint, pointer: string, needed: string): string[] {
  return capabilityNames(mask).map(name => `${pointer}: \`${name}\` is left out, as it is not ${needed}`)
}
