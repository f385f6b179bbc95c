// Configurations that are wrong or odd somewhere, and texts that are no configuration: each has to be refused in one
// sentence, or to work, and to leave nothing behind.

import fc from 'fast-check'
import type { Config } from '../lib/config.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Values that somebody's program may write by mistake, or to find out what happens. */
const strange: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    '',
    '/',
    '.',
    '..',
    '../..',
    '/proc/self/fd/7',
    '\0',
    '\u{1f4a9}',
    '-1',
    'a'.repeat(5000),
  ),
  fc.constantFrom<Json>(0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, [], {}, [[]], [null], { a: { b: 1 } }),
)

/** The paths of all values in a document. */
function places(value: Json, path: (string | number)[] = []): (string | number)[][] {
  const entries = value !== null && typeof value === 'object' ? Object.entries(value) : []
  const keys = entries.map(([key, inner]) => [Array.isArray(value) ? Number(key) : key, inner] as const)
  return [path, ...keys.flatMap(([key, inner]) => places(inner, [...path, key]))]
}

/** The document with something else at one place; undefined takes the property away. */
function replaced(value: Json, [first, ...rest]: readonly (string | number)[], by: Json | undefined): Json | undefined {
  if (first === undefined) return by
  const inner = replaced((value as Record<string, Json>)[first] as Json, rest, by)
  if (Array.isArray(value))
    return value.flatMap((entry, i) => (i === first ? (inner === undefined ? [] : [inner]) : [entry]))
  const copy = { ...(value as Record<string, Json>) }
  if (inner === undefined) delete copy[first]
  else copy[first] = inner
  return copy
}

const damage = (config: Config): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(fc.nat(), fc.option(strange, { nil: undefined, freq: 5 })), { minLength: 1, maxLength: 3 })
    .map(changes => {
      let document: Json = config as unknown as Json
      for (const [number, by] of changes) {
        const all = places(document)
        document = replaced(document, all[number % all.length]!, by) ?? null
      }
      return JSON.stringify(document)
    })

/** What tools write who mean no harm: a property less, `null` or nothing in it, an entry twice, another order. */
const ODDITIES: readonly ((inner: Json) => Json | undefined)[] = [
  () => undefined,
  () => null,
  inner => (Array.isArray(inner) ? [...inner, ...inner.slice(-1)] : inner),
  inner => (Array.isArray(inner) ? [...inner].reverse() : inner),
  inner => (Array.isArray(inner) ? [] : typeof inner === 'string' ? '' : inner),
  inner => (typeof inner === 'number' ? inner + 1 : inner),
  inner => (isObject(inner) ? { ...inner, 'org.example.unknown': 1 } : inner),
]

function isObject(value: Json): value is { [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** One oddity, not in what the container can not do without: most of these are containers. */
const odd = (config: Config): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(), fc.constantFrom(...ODDITIES)).map(([number, change]) => {
    const document = config as unknown as Json
    const all = places(document).filter(
      ([first, second]) => second !== undefined && first !== 'root' && second !== 'args',
    )
    const path = all[number % all.length]!
    const inner = path.reduce((value, key) => (value as Record<string, Json>)[key] as Json, document)
    return JSON.stringify(replaced(document, path, change(inner)))
  })

const cut = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat(text.length), fc.constantFrom('', '"', '}', ',', '\0', '\ufeff', '{', '//'))
    .map(([at, more]) => text.slice(0, at) + more)

/** Texts of config.json made from valid ones, about half of which are containers. */
export const invalidTexts = (valid: fc.Arbitrary<Config>): fc.Arbitrary<string> =>
  valid.chain(config =>
    fc.oneof(
      { weight: 4, arbitrary: damage(config) },
      { weight: 5, arbitrary: odd(config) },
      { weight: 1, arbitrary: cut(JSON.stringify(config)) },
    ),
  )
