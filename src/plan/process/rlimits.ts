import { resources } from '../../../native/abi/resource.ts'
import { ConfigError } from '../../errors.ts'

/** One entry of `process.rlimits` in config.json. */
export interface RlimitInput {
  readonly type: string
  readonly soft: number | bigint
  readonly hard: number | bigint
}

/** One call of prlimit(2). */
export interface RlimitStep {
  /** RLIMIT_NOFILE and the like. */
  readonly name: string
  readonly resource: number
  readonly soft: bigint
  readonly hard: bigint
}

/**
 * The limits to set, in the order of config.json (config.md, POSIX process); of two for one resource the last counts, as
 * in crun and runc. Throws a ConfigError for a resource that does not exist.
 */
export function planRlimits(rlimits: readonly RlimitInput[] = [], pointer = '/process/rlimits'): RlimitStep[] {
  const steps = new Map<string, RlimitStep>()
  for (const [index, { type, soft, hard }] of rlimits.entries()) {
    const at = `${pointer}/${index}`
    if (!Object.hasOwn(resources, type)) throw new ConfigError(unknown(type), `${at}/type`)
    steps.set(type, { name: type, resource: resources[type]!, soft: BigInt(soft), hard: BigInt(hard) })
  }
  return [...steps.values()]
}

function unknown(type: string): string {
  return `\`${type}\` is not a resource limit; there are ${Object.keys(resources).join(', ')}`
}
