import type { Cpu, Uint64 } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { isPositive, type LimitStep } from './step.ts'

const HERE = '/linux/resources/cpu'

/** What a new cgroup has, in microseconds. */
const DEFAULT_PERIOD = 100_000

/** Steps for config.json#/linux/resources/cpu, see "CPU" and "Cpuset Interface Files" of cgroup-v2.rst. Errors: ConfigError. */
export function planCpu(cpu: Cpu): LimitStep[] {
  return [...planWeight(cpu), ...planBandwidth(cpu), ...planCpuset(cpu)]
}

/** An idle cgroup takes no weight, so cpu.idle becomes 0 before a weight and 1 after it. */
function planWeight({ shares, idle }: Cpu): LimitStep[] {
  const pointer = `${HERE}/idle`
  if (idle !== undefined && idle !== 0 && idle !== 1) throw new ConfigError(`must be 0 or 1, is ${idle}`, pointer)
  const steps: LimitStep[] = []
  const weighs = isPositive(shares)
  if (idle === 0 || (idle === 1 && weighs))
    steps.push({ file: 'cpu.idle', value: '0', pointer, initial: true, otherwise: 'skip' })
  if (weighs) steps.push({ file: 'cpu.weight', value: `${cpuWeight(shares)}`, pointer: `${HERE}/shares` })
  if (idle === 1) steps.push({ file: 'cpu.idle', value: '1', pointer })
  return steps
}

/** A burst must fit into the quota at every moment, so an old one goes before a new quota and a new one comes after it. */
function planBandwidth({ quota, period, burst }: Cpu): LimitStep[] {
  const steps: LimitStep[] = []
  const limited = isPositive(quota)
  if (limited && isPositive(burst) && burst > quota)
    throw new ConfigError(`can not be more than the quota, ${burst} > ${quota}`, `${HERE}/burst`)
  if (burst !== undefined)
    steps.push({ file: 'cpu.max.burst', value: '0', pointer: `${HERE}/burst`, initial: true, otherwise: 'skip' })
  if (limited) steps.push({ file: 'cpu.max', value: `${quota} ${period || DEFAULT_PERIOD}`, pointer: `${HERE}/quota` })
  else if (quota || period) steps.push(withoutQuota(period || DEFAULT_PERIOD))
  if (isPositive(burst)) steps.push({ file: 'cpu.max.burst', value: `${burst}`, pointer: `${HERE}/burst` })
  return steps
}

/** A period means nothing without a quota, but it can be read back. */
function withoutQuota(period: Uint64): LimitStep {
  const initial = period === DEFAULT_PERIOD
  return { file: 'cpu.max', value: `max ${period}`, pointer: `${HERE}/period`, initial, otherwise: 'skip' }
}

function planCpuset(cpu: Cpu): LimitStep[] {
  return (['cpus', 'mems'] as const).flatMap(key => {
    const value = cpu[key]
    return value ? [{ file: `cpuset.${key}`, value, pointer: `${HERE}/${key}` }] : []
  })
}

const MAX_SHARES = 262_144
const MAX_WEIGHT = 10_000

/**
 * The weight of cgroup version 2 for the shares of version 1. A curve through the three points that people know: 2 is 1,
 * 1024, the default of the one, is 100, that of the other, and 262144 is 10000. It is what crun, runc and systemd's users
 * agree on: the exponent of 10 is (l² + 125 l) / 612 - 7 / 34, where l is the binary logarithm of the shares.
 */
export function cpuWeight(shares: Uint64): number {
  if (shares <= 2) return 1
  if (shares >= MAX_SHARES) return MAX_WEIGHT
  const l = Math.log2(Number(shares))
  const weight = 10 ** ((l * (l + 125)) / 612 - 7 / 34)
  // The last bits of the power are no reason to round 100 up to 101.
  return Math.ceil(weight - 1e-9)
}
