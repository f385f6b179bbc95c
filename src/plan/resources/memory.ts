import type { Memory } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { isPositive, isUnlimited, type LimitStep } from './step.ts'

const HERE = '/linux/resources/memory'

/**
 * Steps for config.json#/linux/resources/memory, see "Memory Interface Files" of cgroup-v2.rst. Swap comes first, so that
 * what no longer fits below a lower memory.max has somewhere to go; any order is accepted. Errors: ConfigError for a
 * limit on swap that makes no sense.
 */
export function planMemory(memory: Memory): LimitStep[] {
  const { limit, reservation } = memory
  const steps = planSwap(memory)
  if (isPositive(limit)) steps.push({ file: 'memory.max', value: `${limit}`, pointer: `${HERE}/limit` })
  else if (isUnlimited(limit))
    steps.push({ file: 'memory.max', value: 'max', pointer: `${HERE}/limit`, initial: true, otherwise: 'skip' })
  const low = { file: 'memory.low', pointer: `${HERE}/reservation` }
  if (isPositive(reservation)) steps.push({ ...low, value: `${reservation}` })
  else if (isUnlimited(reservation)) steps.push({ ...low, value: 'max', otherwise: 'skip' })
  return steps
}

/** memory.swap counts memory and swap together, as cgroup version 1 did; memory.swap.max is swap alone. */
function planSwap({ limit, swap }: Memory): LimitStep[] {
  const step = { file: 'memory.swap.max', pointer: `${HERE}/swap` }
  // No limit on memory without a word on swap is none on both.
  if (isUnlimited(swap) || (isUnlimited(limit) && !isPositive(swap)))
    return [{ ...step, value: 'max', initial: true, otherwise: 'skip' }]
  if (isNoSwap(limit, swap)) return [{ ...step, value: '0', otherwise: 'skip' }]
  if (!isPositive(swap)) return []
  if (!isPositive(limit))
    throw new ConfigError(
      'a limit on memory and swap together needs a limit on memory too; set memory.limit',
      step.pointer,
    )
  if (swap < limit)
    throw new ConfigError(
      `is memory and swap together and so can not be less than the limit on memory, ${swap} < ${limit}`,
      step.pointer,
    )
  const value = BigInt(swap) - BigInt(limit)
  // A kernel that does not count swap can only refuse to limit it; that there should be none is what most hosts have.
  return [{ ...step, value: `${value}`, ...(value === 0n && { otherwise: 'skip' }) }]
}

/**
 * 0 for both asks for nothing, as engines write it that fill in every number. For swap alone it means that there is none,
 * as in crun; runc takes it for no limit.
 */
function isNoSwap(limit: Memory['limit'], swap: Memory['swap']): boolean {
  return swap !== undefined && Number(swap) === 0 && (limit === undefined || isPositive(limit))
}

/** What memory.checkBeforeUpdate wants looked at before anything is written. Undefined when it is not set. */
export interface UsageCheck {
  /** Bytes of memory. */
  readonly limit: bigint
  /** Bytes of swap alone; undefined when there is no limit on it. */
  readonly swap: bigint | undefined
}

/** See UsageCheck. */
export function planUsageCheck({ checkBeforeUpdate, limit, swap }: Memory): UsageCheck | undefined {
  if (!checkBeforeUpdate || !isPositive(limit)) return undefined
  if (isNoSwap(limit, swap)) return { limit: BigInt(limit), swap: 0n }
  return { limit: BigInt(limit), swap: isPositive(swap) ? BigInt(swap) - BigInt(limit) : undefined }
}
