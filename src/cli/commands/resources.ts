import type { Resources } from '../../../spec/generated/config.ts'
import { parseResources } from '../../config/load.ts'
import { UsageError } from '../../errors.ts'
import type { OptionsOf } from '../line/options.ts'

/** What the value of an option is. */
type ValueKind = 'integer' | 'bytes' | 'text'

/** The options of `update` that stand for a property of linux.resources. */
const PROPERTIES = [
  ['memory', 'memory', 'limit', 'bytes'],
  ['memory-reservation', 'memory', 'reservation', 'bytes'],
  ['memory-swap', 'memory', 'swap', 'bytes'],
  ['kernel-memory', 'memory', 'kernel', 'bytes'],
  ['kernel-memory-tcp', 'memory', 'kernelTCP', 'bytes'],
  ['cpu-share', 'cpu', 'shares', 'integer'],
  ['cpu-quota', 'cpu', 'quota', 'integer'],
  ['cpu-period', 'cpu', 'period', 'integer'],
  ['cpu-burst', 'cpu', 'burst', 'integer'],
  ['cpu-idle', 'cpu', 'idle', 'integer'],
  ['cpu-rt-period', 'cpu', 'realtimePeriod', 'integer'],
  ['cpu-rt-runtime', 'cpu', 'realtimeRuntime', 'integer'],
  ['cpuset-cpus', 'cpu', 'cpus', 'text'],
  ['cpuset-mems', 'cpu', 'mems', 'text'],
  ['blkio-weight', 'blockIO', 'weight', 'integer'],
  ['pids-limit', 'pids', 'limit', 'integer'],
] as const satisfies readonly (readonly [keyof OptionsOf<'update'>, keyof Resources, string, ValueKind])[]

/**
 * The change that the options ask for, as linux.resources. An empty value is none: callers build `--memory=` from an unset
 * variable. Throws a UsageError for a value that can not be read, a ConfigError for one out of its range.
 */
export function resourcesOf(options: OptionsOf<'update'>): Resources {
  const sections = new Map<string, string[]>()
  for (const [option, section, property, kind] of PROPERTIES) {
    const text = options[option]
    if (text === undefined || text === '') continue
    const values = sections.get(section) ?? []
    sections.set(section, [...values, `"${property}":${json(option, kind, text)}`])
  }
  const text = [...sections].map(([section, values]) => `"${section}":{${values.join(',')}}`).join(',')
  return parseResources(`{${text}}`, 'the change')
}

function json(option: string, kind: ValueKind, text: string): string {
  if (kind === 'text') return JSON.stringify(text)
  if (kind === 'integer' && !/^-?\d+$/.test(text)) throw new UsageError(`--${option} takes a number, not \`${text}\``)
  return String(kind === 'integer' ? BigInt(text) : bytes(option, text))
}

const POWERS = 'kmgtp'
const SIZE = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])(?:i?b)?|b)?$/i

/** A number of bytes, with a suffix for powers of 1024 as docker has them: `64m`, `1.5GiB`; -1 is no limit. */
function bytes(option: string, text: string): bigint {
  if (text === '-1') return -1n
  const [, number, suffix] = SIZE.exec(text) ?? []
  if (number === undefined) throw new UsageError(`--${option} takes a size such as 64m or 1.5g, or -1, not \`${text}\``)
  const power = suffix === undefined ? 0 : 1 + POWERS.indexOf(suffix.toLowerCase())
  if (!number.includes('.')) return BigInt(number) * 1024n ** BigInt(power)
  return BigInt(Math.trunc(Number(number) * 1024 ** power))
}
