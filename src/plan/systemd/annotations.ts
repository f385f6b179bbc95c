import { parseVariant } from '../../dbus/gvariant.ts'
import type { Variant } from '../../dbus/signature.ts'
import { ConfigError, Failure } from '../../errors.ts'
import type { Property } from './property.ts'

const PREFIX = 'org.systemd.property.'
const SECOND_USEC = 1_000_000
/** What tsrun decides: a wrong list of processes would move those of others. */
const OURS = ['PIDs', 'Slice']

/**
 * Properties of the unit that annotations ask for: `org.systemd.property.TimeoutStopUSec: "uint64 5000000"`. A name with
 * Sec at its end takes seconds, as unit files do. Throws a ConfigError for a name or value that can't be meant.
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>>): Property[] {
  return Object.entries(annotations).flatMap(([key, text]) => (key.startsWith(PREFIX) ? [annotated(key, text)] : []))
}

function annotated(key: string, text: string): Property {
  const pointer = `/annotations/${key}`
  const name = key.slice(PREFIX.length)
  if (!/^[A-Za-z]{3,}$/.test(name)) throw new ConfigError(`\`${name}\` is not the name of a property`, pointer)
  if (OURS.includes(name)) throw new ConfigError(`${name} is set from linux.cgroupsPath and the container`, pointer)
  const variant = parsed(text, pointer)
  if (!/[^U]Sec$/.test(name)) return { name, variant, asked: true }
  return { name: `${name.slice(0, -'Sec'.length)}USec`, variant: microseconds(variant, pointer), asked: true }
}

function parsed(text: string, pointer: string): Variant {
  try {
    return parseVariant(text)
  } catch (error) {
    if (error instanceof Failure) throw new ConfigError(error.reason, pointer)
    throw error
  }
}

function microseconds({ signature, value }: Variant, pointer: string): Variant {
  if (!'nqiuxtd'.includes(signature)) throw new ConfigError('a number of seconds is wanted', pointer)
  const usec = typeof value === 'bigint' ? value * BigInt(SECOND_USEC) : BigInt(Math.round(Number(value) * SECOND_USEC))
  if (usec < 0n) throw new ConfigError('a number of seconds can not be negative', pointer)
  return { signature: 't', value: usec }
}
