import { encode } from '../../../native/utf8.ts'
import { ConfigError } from '../../errors.ts'

/** A scope of systemd, and where it is in the tree of slices. */
export interface Unit {
  /** `libpod-4f2a.scope` */
  readonly name: string
  /** `machine.slice` */
  readonly slice: string
}

/** The longest name that systemd takes. */
const NAME_MAX = 255
const POINTER = '/linux/cgroupsPath'
const WANTED = 'with systemd it is slice:prefix:name, slice:name, or a plain name'

/**
 * The unit that `cgroupsPath` asks for: `slice:prefix:name` is prefix-name.scope in that slice,
 * and `slice:name` name.scope, as in crun. A plain name, a relative
 * path of which the specification leaves the meaning to the runtime, is name.scope in the usual slice; nothing at all is
 * tsrun-ID.scope there. Anything else is an error, since the container would not be where it was asked to be. The usual
 * slice is the system's, or the user's for an unprivileged runtime.
 */
export function unitFor(id: string, cgroupsPath: string | undefined, usualSlice: string): Unit {
  if (!cgroupsPath) return { name: scopeName('tsrun', id), slice: usualSlice }
  const parts = cgroupsPath.split(':')
  if (parts.length === 1 && !cgroupsPath.includes('/')) return { name: scopeName('', cgroupsPath), slice: usualSlice }
  if (parts.length < 2 || parts.length > 3)
    throw new ConfigError(`\`${cgroupsPath}\` names no unit; ${WANTED}`, POINTER)
  const [slice = '', prefix = '', name = ''] = parts.length === 2 ? [parts[0], '', parts[1]] : parts
  if (name === '') throw new ConfigError(`\`${cgroupsPath}\` has no name; ${WANTED}`, POINTER)
  if (name.endsWith('.slice'))
    throw new ConfigError(`\`${name}\` is a slice, which holds no processes; name a scope, without a suffix`, POINTER)
  return { name: scopeName(prefix, name), slice: slice === '' ? usualSlice : checkedSlice(slice) }
}

function scopeName(prefix: string, name: string): string {
  const unit = `${escapeName(prefix === '' ? name : `${prefix}-${name}`)}.scope`
  if (unit.length > NAME_MAX)
    throw new ConfigError(`the unit's name \`${unit}\` is longer than ${NAME_MAX} characters`, POINTER)
  return unit
}

/** What systemd takes in a name stays, other bytes become `\x2b`, as systemd-escape(1) writes them. */
function escapeName(text: string): string {
  const escaped = (character: string) => [...encode(character)].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`)
  return text.replace(/[^0-9A-Za-z:_.\\@-]/gu, character => escaped(character).join(''))
}

/** `-.slice` is the root; a dash in another name is a step down. See systemd.slice(5). */
function checkedSlice(slice: string): string {
  const name = slice.slice(0, -'.slice'.length)
  const good = slice.endsWith('.slice') && (name === '-' || name.split('-').every(part => /^[^/]+$/.test(part)))
  if (!good)
    throw new ConfigError(`\`${slice}\` is not the name of a slice; \`machine.slice\` or \`a-b.slice\` is one`, POINTER)
  return slice
}
