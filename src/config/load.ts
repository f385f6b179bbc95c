import { hasDigits, isIn } from '../../native/utf8.ts'
import type { Config, Process, Resources } from '../../spec/generated/config.ts'
import { validateConfig, validateProcess, validateResources } from '../../spec/generated/validate-config.js'
import { ConfigError } from '../errors.ts'
import { type DocumentPlace, dropAbsent } from './absent.ts'
import type { Complaint } from './checks/namespacesOf.ts'
import { dropVainHooks } from './checks/vainHooks.ts'
import { explain } from './explain.ts'
import type { JsonObject } from './json.ts'
import { pointerInFile } from './places.ts'
import { findSyntaxError, splitDocument } from './syntax.ts'

/** Takes one sentence about what is read although it is odd. */
export type Tell = (warning: string) => void

/** A number of the text that a JavaScript number would round, and where it belongs. */
interface BigNumber {
  parent: JsonObject
  key: string
  value: bigint
}

/**
 * Reads the text of a config.json: JSON of the right shape, in which integers beyond 2^53 are bigints. Throws a
 * ConfigError with line and column for broken JSON, and with a JSON pointer for a wrong shape. Says nothing about
 * meaning; that is what checkConfig() is for. `tell` hears what is ignored.
 */
export function parseConfig(text: string, tell?: Tell): Config {
  return parse(text, validateConfig, 'config.json', '', tell) as Config
}

/** Reads the text of a process.json, the file given to `exec --process`, as parseConfig() does. */
export function parseProcess(text: string, tell?: Tell): Process {
  return parse(text, validateProcess, 'the process file', 'process', tell) as Process
}

/** Reads linux.resources alone, the file given to `update --resources`, as parseConfig() does. */
export function parseResources(text: string, name = 'the file of resources', tell?: Tell): Resources {
  return parse(text, validateResources, name, 'linux/resources', tell) as Resources
}

/** Throws a ConfigError unless `data`, made of plain numbers, has the shape of a config.json. */
export function validate(data: unknown): asserts data is Config {
  if (!validateConfig(data)) throw explain(validateConfig.errors?.[0], data, 'the configuration')
}

/** JSON whose large integers are rounded until `settle` makes bigints of them: validators know numbers only. */
export interface Unsettled {
  readonly data: unknown
  /** What is ignored, behind the document and of its hooks, and what is read as something else. */
  readonly odd: readonly Complaint[]
  settle(): void
}

/**
 * The first half of parseConfig(): any JSON, without what is as if it were not there. Errors: ConfigError for broken JSON.
 */
export function readJson(given: string, name: string, place: DocumentPlace = ''): Unsettled {
  const { data, text, rest } = parseJson(given, name)
  const bigNumbers = hasDigits(text, ROUNDED_DIGITS) ? findBigNumbers(text, data) : []
  const zeroes = dropAbsent(text, data, place)
  const odd = [
    ...(rest === undefined ? [] : [{ pointer: undefined, reason: rest }]),
    ...zeroes,
    ...(place === '' ? dropVainHooks(data) : []),
  ]
  const settle = () => {
    // What a validator refused may be gone meanwhile, and others in its place.
    for (const { parent, key, value } of bigNumbers) if (parent[key] === Number(value)) parent[key] = value
  }
  return { data, odd, settle }
}

/** 2^53 has as many digits, so without so many in a row every integer is safe. */
const ROUNDED_DIGITS = 16

function parse(
  text: string,
  validator: typeof validateConfig,
  name: string,
  place: DocumentPlace,
  tell?: Tell,
): unknown {
  const { data, odd, settle } = readJson(text, name, place)
  for (const { pointer, reason } of odd) tell?.(pointer === undefined ? reason : `${pointer}: ${reason}`)
  if (!validator(data)) throw inFile(data, explain(validator.errors?.[0], data, name))
  settle()
  return data
}

/** The same of the document as it stands in the file. */
function inFile(data: unknown, error: ConfigError): ConfigError {
  const { pointer, reason } = error
  if (pointer === undefined) return error
  return new ConfigError(reason.slice(pointer.length + 2), pointerInFile(data, pointer))
}

interface Document {
  readonly data: unknown
  readonly text: string
  readonly rest?: string
}

/** Any JSON, of which what is behind its end is not `text` but told as `rest`. Errors: ConfigError. */
export function parseJson(given: string, name: string): Document {
  const document = parseDocument(given, name)
  const { data, text } = document
  // The names of a prototype can hide behind an escape, so either spelling is worth a look.
  if (isIn(text, '__proto__') || isIn(text, '\\u00')) refuseProto(data, '')
  return document
}

/** crun and runc stop reading at the end of the document, so what is behind it (half of an older file, say) is ignored. */
function parseDocument(text: string, name: string): Document {
  if (text.charCodeAt(0) === 0xfeff)
    throw new ConfigError(`${name} starts with a byte order mark, which JSON forbids; save it as UTF-8 without one`)
  try {
    return { data: JSON.parse(text), text }
  } catch {
    const split = splitDocument(text)
    if (split !== undefined) {
      const rest = `${name} goes on behind its end, ${split.restAt}: the rest is ignored`
      return { data: JSON.parse(split.document), text: split.document, rest }
    }
    throw new ConfigError(`${name} ${findSyntaxError(text)}`) // every engine words this differently, and some give no position
  }
}

/** `{"__proto__": ...}` is data to JSON.parse, but becomes a prototype in the hands of careless code. */
function refuseProto(data: unknown, pointer: string): void {
  if (data === null || typeof data !== 'object') return
  for (const [key, value] of Object.entries(data)) {
    const here = `${pointer}/${key}`
    if (key === '__proto__') throw new ConfigError('this name is not allowed here', here)
    refuseProto(value, here)
  }
}

// Compared, since BigInt.asUintN(64, HIGHEST) is -1n in QuickJS 2025-04-26.
const LOWEST = -(2n ** 63n)
const HIGHEST = 2n ** 64n - 1n

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Finds the integers of `text` that `data`, its JSON.parse, has only approximately. The same text is parsed again with
 * these numbers in quotes: where `data` has a number and the copy a string, there is one. A number beyond 64 bits
 * becomes so large in `data` that no rounding makes it acceptable; where nobody looks it does no harm.
 */
function findBigNumbers(text: string, data: unknown): BigNumber[] {
  const quoted = text.replace(STRING_OR_NUMBER, token => (isRounded(token) ? `"${token}"` : token))
  const found: BigNumber[] = []
  const compare = (parent: JsonObject, copy: JsonObject) => {
    for (const key of Object.keys(parent)) {
      const [original, twin] = [parent[key], copy[key]]
      if (typeof original === 'object' && original !== null) compare(original as JsonObject, twin as JsonObject)
      else if (typeof original === 'number' && typeof twin === 'string') {
        const value = exactly(twin)
        if (value >= LOWEST && value <= HIGHEST) found.push({ parent, key, value })
        else parent[key] = value < 0n ? -Number.MAX_VALUE : Number.MAX_VALUE
      }
    }
  }
  compare({ data }, { data: JSON.parse(quoted) })
  return found
}

function isRounded(token: string): boolean {
  const value = Number(token) // NaN for a string in quotes
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}

function exactly(token: string): bigint {
  return /^-?\d+$/.test(token) ? BigInt(token) : BigInt(Number(token))
}
