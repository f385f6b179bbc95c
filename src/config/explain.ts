import type { ValidationError } from '../../spec/generated/validate-config.js'
import { ConfigError } from '../errors.ts'

/** Turns the first complaint of a generated validator about `data`, called `name`, into a sentence with a JSON pointer. */
export function explain(error: ValidationError | undefined, data: unknown, name: string): ConfigError {
  if (error === undefined) return new ConfigError(`${name} has the wrong shape`)
  if (error.keyword === 'required')
    return new ConfigError('is missing', `${error.instancePath}/${error.params['missingProperty']}`)
  const sentence = complaint(error, valueAt(data, error.instancePath))
  return error.instancePath === ''
    ? new ConfigError(`${name} ${sentence}`)
    : new ConfigError(sentence, error.instancePath)
}

function complaint({ keyword, params }: ValidationError, value: unknown): string {
  const { limit } = params
  switch (keyword) {
    case 'type':
      return `must be ${withArticle(String(params['type']))}, is ${kind(value, params['type'] === 'integer')}`
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map(quote).join(', ')}, is ${quote(value)}`
    case 'pattern':
      return `must match ${params['pattern']}, is ${quote(value)}`
    case 'minItems':
      return `must have at least ${limit} ${limit === 1 ? 'entry' : 'entries'}, has ${(value as unknown[]).length}`
    case 'minimum':
      return Number(limit) < -(2 ** 53) ? 'does not fit into 64 bits' : `must be at least ${limit}, is ${value}`
    case 'maximum':
      return Number(limit) > 2 ** 53 ? 'does not fit into 64 bits' : `must be at most ${limit}, is ${value}`
    default:
      return `breaks the rule \`${keyword}\` of the schema`
  }
}

function withArticle(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`
}

/** Shown as its type, or as itself where the type alone would puzzle: 1.5 is a number, but no integer. */
function kind(value: unknown, exact: boolean): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return exact && typeof value === 'number' ? String(value) : withArticle(typeof value)
}

const LONGEST_QUOTE = 80

function quote(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}...` : text
}

/** Follows a JSON pointer, RFC 6901. */
function valueAt(data: unknown, pointer: string): unknown {
  const keys = pointer.split('/').slice(1)
  return keys.reduce((at, key) => (at as Record<string, unknown>)[key.replace(/~1/g, '/').replace(/~0/g, '~')], data)
}
