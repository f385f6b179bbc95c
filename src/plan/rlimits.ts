import { resources } from '../../native/abi/resource.ts'
import { ConfigError } from '../errors.ts'

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
 * The limits to set, in the order of config.json (config.md, POSIX process). Throws a ConfigError for a resource that
 * does not exist, one that comes twice with different limits, and a soft limit above the hard one, which the kernel refuses.
 */
export function planRlimits(rlimits: readonly RlimitInput[] = [], pointer = '/process/rlimits'): RlimitStep[] {
  const seen = new Map<string, number>()
  return rlimits.flatMap(({ type, soft, hard }, index) => {
    const at = `${pointer}/${index}`
    const first = seen.get(type)
    if (first !== undefined) {
      if (rlimits[first]!.soft === soft && rlimits[first]!.hard === hard) return []
      throw new ConfigError(`\`${type}\` is already set by \`${pointer}/${first}\``, `${at}/type`)
    }
    seen.set(type, index)
    if (!Object.hasOwn(resources, type)) throw new ConfigError(unknown(type), `${at}/type`)
    if (soft > hard) throw new ConfigError(`the soft limit ${soft} is above the hard limit ${hard}`, `${at}/soft`)
    return [{ name: type, resource: resources[type]!, soft: BigInt(soft), hard: BigInt(hard) }]
  })
}

function unknown(type: string): string {
  return `\`${type}\` is not a resource limit; there are ${Object.keys(resources).join(', ')}`
}
