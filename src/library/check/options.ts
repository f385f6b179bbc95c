import { nearest } from '../../config/nearest.ts'
import { UsageError } from '../../errors.ts'

/** What a value has to be, in words, and whether it is. */
export interface OptionKind {
  readonly words: string
  readonly fits: (value: unknown) => boolean
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(entry => typeof entry === 'string')
const has = (value: unknown, method: string) => isObject(value) && typeof value[method] === 'function'
const isPlace = (value: unknown): boolean =>
  ['pipe', 'ignore', 'inherit'].includes(value as string) || (Number.isInteger(value) && (value as number) >= 0)
const isSize = (value: unknown) =>
  isObject(value) && [value['columns'], value['rows']].every(n => Number.isInteger(n) && (n as number) > 0)

/** The kinds of values that options have. Objects of another realm (node:vm) are as good, so none is asked for its class. */
export const kinds = {
  text: { words: 'a string', fits: value => typeof value === 'string' },
  flag: { words: 'true or false', fits: value => typeof value === 'boolean' },
  count: { words: 'a number that is not negative', fits: value => typeof value === 'number' && value >= 0 },
  texts: { words: 'an array of strings', fits: isStrings },
  numbers: {
    words: 'an array of numbers',
    fits: value => Array.isArray(value) && value.every(entry => typeof entry === 'number'),
  },
  number: { words: 'a number', fits: value => typeof value === 'number' },
  object: { words: 'an object', fits: isObject },
  callback: { words: 'a function', fits: value => typeof value === 'function' },
  signal: {
    words: 'an AbortSignal',
    fits: value => isObject(value) && 'aborted' in value && has(value, 'addEventListener'),
  },
  encoding: { words: "'utf8' or 'buffer'", fits: value => value === 'utf8' || value === 'buffer' },
  env: {
    words: 'an array of NAME=VALUE strings, or an object with strings',
    fits: value =>
      isStrings(value) ||
      (isObject(value) && Object.values(value).every(entry => entry === undefined || typeof entry === 'string')),
  },
  input: {
    words: "'pipe', 'ignore', 'inherit', a descriptor or a stream to read from",
    fits: value => isPlace(value) || has(value, 'pipe'),
  },
  output: {
    words: "'pipe', 'ignore', 'inherit', a descriptor or a stream to write to",
    fits: value => isPlace(value) || has(value, 'write'),
  },
  terminal: {
    words: 'true, false or a size such as { columns: 80, rows: 24 }',
    fits: value => typeof value === 'boolean' || isSize(value),
  },
} as const satisfies Readonly<Record<string, OptionKind>>

/** One of these words. */
export function oneOf(...words: readonly string[]): OptionKind {
  return { words: words.map(word => `'${word}'`).join(' or '), fits: value => words.includes(value as string) }
}

/** The options of a call, by name. */
export type Table<T> = Readonly<Record<keyof Required<T>, OptionKind>>

/** What others call by another name. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  timeout: 'signal: AbortSignal.timeout(ms)',
  input: "stdin: Readable.from(['text'])",
  maxBuffer: 'maxOutput',
  tty: 'terminal',
  environment: 'env',
  workdir: 'cwd',
  command: 'args',
  cmd: 'args',
  rootfs: 'config: defaultConfig(rootfs, args)',
}

/** Throws a UsageError for an option that there is not, and for one that is not what it has to be. `where` names the call. */
export function checkOptions<T>(where: string, options: unknown, table: Table<T>): void {
  if (!isObject(options)) throw new UsageError(`${where}: the options must be an object, are ${shown(options)}`)
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(table, name) ? table[name as keyof T] : undefined
    if (kind === undefined)
      throw new UsageError(`${where}: there is no option \`${name}\`${advice(name, Object.keys(table))}`)
    if (value !== undefined && !kind.fits(value))
      throw new UsageError(`${where}: ${name}: must be ${kind.words}, is ${shown(value)}`)
  }
}

/** The same for an argument that is not one of the options. */
export function checkArgument(where: string, name: string, value: unknown, kind: OptionKind): void {
  if (!kind.fits(value)) throw new UsageError(`${where}: ${name}: must be ${kind.words}, is ${shown(value)}`)
}

function advice(name: string, names: readonly string[]): string {
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined
  const meant = elsewhere !== undefined && names.includes(elsewhere.split(':')[0]!) ? elsewhere : nearest(name, names)
  return meant === undefined ? '' : `; did you mean \`${meant}\`?`
}

const SHOWN = 40

/** A value, short, as it would be written. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `\`${value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value}\``
  if (Array.isArray(value)) return 'an array'
  if (value === null) return 'null'
  return typeof value === 'object' || typeof value === 'function'
    ? `${typeof value === 'object' ? 'an object' : 'a function'}`
    : String(value)
}
