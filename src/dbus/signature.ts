import { Failure } from '../errors.ts'

/** A value with its type, D-Bus's `v`. */
export interface Variant {
  /** One complete type. */
  readonly signature: string
  readonly value: DBusValue
}

/**
 * What the types of D-Bus are here: `b` a boolean; `y n q i u d` a number; `x t` a bigint (a number is taken, too);
 * `s o g` a string; `ay` bytes; other arrays, structs and the pairs of dictionaries are arrays; `v` a Variant.
 */
export type DBusValue = boolean | number | bigint | string | Uint8Array | readonly DBusValue[] | Variant

const BASIC = 'ybnqiuxtdsog'
/** The limit of the specification for arrays and structs within each other, together. */
const DEPTH = 64

/** Where the complete type at `at` ends. Throws a Failure for what is none. */
function typeEnd(signature: string, at: number, depth = 0): number {
  const code = signature[at]
  if (code === undefined || depth > DEPTH) throw new Failure(`\`${signature}\` is not a D-Bus signature`)
  if (code === 'v' || BASIC.includes(code)) return at + 1
  if (code === 'a') return typeEnd(signature, at + 1, depth + 1)
  const close = code === '(' ? ')' : code === '{' ? '}' : undefined
  if (close === undefined) throw new Failure(`\`${signature}\` is not a D-Bus signature`)
  let end = at + 1
  do end = typeEnd(signature, end, depth + 1)
  while (signature[end] !== close)
  return end + 1
}

/** The complete types of a signature, `a(sv)`, `u` of `a(sv)u`. See D-Bus Specification, Type System. */
export function splitSignature(signature: string): string[] {
  const types: string[] = []
  for (let at = 0; at < signature.length; ) {
    const end = typeEnd(signature, at)
    types.push(signature.slice(at, end))
    at = end
  }
  return types
}

/** The types of a struct's fields, or of a dictionary entry's key and value. */
export function fieldTypes(type: string): string[] {
  return splitSignature(type.slice(1, -1))
}

const ALIGNMENT: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, n: 2, q: 2, x: 8, t: 8, d: 8, '(': 8, '{': 8 }

/** The number of bytes that a value of this type starts at a multiple of. */
export function alignment(type: string): number {
  return ALIGNMENT[type[0]!] ?? 4
}
