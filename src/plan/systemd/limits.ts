import type { DBusValue } from '../../dbus/signature.ts'
import { numberMask } from '../process/numberList.ts'
import type { LimitStep } from '../resources/step.ts'
import type { Property } from './property.ts'

const INFINITY = 0xffff_ffff_ffff_ffffn
const SECOND_USEC = 1_000_000n
/** systemd keeps whole percents of a processor: 10 ms of a second. */
const QUOTA_STEP_USEC = 10_000n
/** What the kernel takes when cpu.max has no period. */
const PERIOD_USEC = 100_000n
/** The most that a kernel may be built for: CONFIG_NR_CPUS of x86-64, and 1 << CONFIG_NODES_SHIFT. */
const CPUS = 8192
const NODES = 1024
/** The weight that systemd writes to cpu.idle; without any it writes neither that nor cpu.weight. */
const IDLE = 0n
const NO_WEIGHT = INFINITY

/**
 * What systemd calls the limits that the files of a cgroup are about to get, later writes winning. systemd writes these
 * files itself whenever it looks over its units, so it has to know the values. A file that systemd does not know, or a
 * value that it can not express, is left out: there it writes nothing.
 */
export function limitProperties(steps: readonly LimitStep[]): Property[] {
  const properties = new Map<string, Property>()
  for (const step of steps) {
    // One of two files will be written; systemd knows at most one of them.
    for (const { file, value, pointer } of typeof step.otherwise === 'object' ? [step, step.otherwise] : [step]) {
      if (!Object.hasOwn(FILES, file)) continue
      for (const property of FILES[file]!(value.trim(), pointer)) properties.set(property.name, property)
    }
  }
  return [...properties.values()]
}

/** One row per file that systemd writes, too; see systemd.resource-control(5). */
const FILES: Readonly<Record<string, (text: string, pointer: string) => Property[]>> = {
  'memory.min': amount('MemoryMin'),
  'memory.low': amount('MemoryLow'),
  'memory.high': amount('MemoryHigh'),
  'memory.max': amount('MemoryMax'),
  'memory.swap.max': amount('MemorySwapMax'),
  'memory.zswap.max': amount('MemoryZSwapMax'),
  'memory.oom.group': text => [property('OOMPolicy', 's', text === '1' ? 'kill' : 'continue')],
  'pids.max': amount('TasksMax'),
  'cpu.weight': amount('CPUWeight'),
  'cpu.idle': text => [property('CPUWeight', 't', text === '1' ? IDLE : NO_WEIGHT)],
  'cpu.max': quota,
  'cpuset.cpus': mask('AllowedCPUs', CPUS),
  'cpuset.mems': mask('AllowedMemoryNodes', NODES),
  'io.weight': text => amount('IOWeight')(text.replace(/^default\s+/, '')),
}

function property(name: string, signature: string, value: DBusValue): Property {
  return { name, variant: { signature, value } }
}

/** A whole number, or `max`. */
function amount(name: string): (text: string) => Property[] {
  return text => {
    if (text === 'max') return [property(name, 't', INFINITY)]
    return /^\d+$/.test(text) ? [property(name, 't', BigInt(text))] : []
  }
}

/** `QUOTA PERIOD` in microseconds; what does not divide into systemd's steps is rounded up, the file has it exactly. */
function quota(text: string): Property[] {
  const [, share, length] = /^(max|\d+)(?:\s+(\d+))?$/.exec(text) ?? []
  if (share === undefined) return []
  const period = length === undefined ? PERIOD_USEC : BigInt(length)
  if (period === 0n) return []
  const perSecond = share === 'max' ? INFINITY : roundUp((BigInt(share) * SECOND_USEC) / period, QUOTA_STEP_USEC)
  return [property('CPUQuotaPerSecUSec', 't', perSecond), property('CPUQuotaPeriodUSec', 't', period)]
}

function roundUp(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step
}

/** `0-2,5` as a bit mask, lowest byte first; the kernel takes other forms, too, which are left to it. */
function mask(name: string, limit: number): (text: string, pointer: string) => Property[] {
  return (text, pointer) =>
    /^[\d,-]+$/.test(text) ? [{ name, variant: { signature: 'ay', value: numberMask(text, limit, pointer) } }] : []
}
