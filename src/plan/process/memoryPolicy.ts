import { memoryPolicyFlags, memoryPolicyModes } from '../../../native/abi/scheduling/mempolicy.ts'
import type { MemoryPolicy } from '../../../spec/generated/config.ts'
import { numberMask } from './numberList.ts'

/** One call of set_mempolicy(2). */
export interface MemoryPolicyPlan {
  readonly name: string
  /** The mode with its flags. */
  readonly mode: number
  /** Bit n stands for node n; undefined for a policy without nodes. */
  readonly nodes: Uint8Array | undefined
}

/** The most memory nodes that a kernel can be built for. */
const NODES_MAX = 1024

/** config-linux.md#memory-policy. Errors: ConfigError for a list of nodes that is none. */
export function planMemoryPolicy({ mode, nodes, flags = [] }: MemoryPolicy): MemoryPolicyPlan {
  return {
    name: mode,
    mode: flags.reduce((all, flag) => all | memoryPolicyFlags[flag], memoryPolicyModes[mode] as number),
    nodes: nodes ? numberMask(nodes, NODES_MAX, '/linux/memoryPolicy/nodes') : undefined,
  }
}
