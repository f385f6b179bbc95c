import { Failure } from '../errors.ts'
import { fieldTypes, splitSignature, type DBusValue, type Variant } from './signature.ts'

/**
 * Reads GVariant's text format, as people write values of D-Bus: `true`, `'text'`, `5`, `uint64 5`, `@t 5`, `1.5`,
 * `['a', 'b']`, `('a', 5)`, `@as []`. A whole number without a type is an int32. Throws a Failure with what is wrong.
 * See https://docs.gtk.org/glib/gvariant-text-format.html
 */
export function parseVariant(text: string): Variant {
  const parser = new Parser(text)
  const variant = parser.value(undefined)
  parser.end()
  return variant
}

/** Words that say the type of what follows. */
const KEYWORDS: Readonly<Record<string, string>> = {
  boolean: 'b',
  byte: 'y',
  int16: 'n',
  uint16: 'q',
  int32: 'i',
  uint32: 'u',
  int64: 'x',
  uint64: 't',
  double: 'd',
  string: 's',
  objectpath: 'o',
  signature: 'g',
}

/** Bits of whole numbers; a negative sign is for those with a sign. */
const INTEGERS: Readonly<Record<string, { readonly bits: number; readonly signed: boolean }>> = {
  y: { bits: 8, signed: false },
  n: { bits: 16, signed: true },
  q: { bits: 16, signed: false },
  i: { bits: 32, signed: true },
  u: { bits: 32, signed: false },
  x: { bits: 64, signed: true },
  t: { bits: 64, signed: false },
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' }
const TOKEN = /\s*(?:(@[a-z(){}]+)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([+-]?(?:\d|\.\d)[\w.+-]*)|([a-z]\w*)|(.))/sy

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  end(): void {
    if (this.#text.slice(this.#at).trim() !== '') throw this.#error('it goes on after its end')
  }

  /** A value; of this type, if one is given. */
  value(type: string | undefined): Variant {
    const [, signature, quoted, number, word, mark] = this.#token()
    if (signature !== undefined) return this.#typed(signature.slice(1), type)
    if (quoted !== undefined) return this.#quoted(quoted, type ?? 's')
    if (number !== undefined) return this.#number(number, type)
    if (word === 'true' || word === 'false') return this.#checked({ signature: 'b', value: word === 'true' }, type)
    if (word !== undefined && Object.hasOwn(KEYWORDS, word)) return this.#typed(KEYWORDS[word]!, type)
    if (mark === '[') return this.#array(type)
    if (mark === '(') return this.#tuple(type)
    if (mark === '<') return this.#variant(type)
    throw this.#error(`\`${word ?? mark ?? ''}\` is not a value`)
  }

  #token(): RegExpExecArray {
    TOKEN.lastIndex = this.#at
    const token = TOKEN.exec(this.#text)
    if (token === null) throw this.#error('a value is missing')
    this.#at = TOKEN.lastIndex
    return token
  }

  /** Is this mark the next one? Then it is passed. */
  #passes(mark: string): boolean {
    const rest = this.#text.slice(this.#at)
    if (!rest.trimStart().startsWith(mark)) return false
    this.#at += rest.indexOf(mark) + mark.length
    return true
  }

  #typed(signature: string, wanted: string | undefined): Variant {
    if (splitSignature(signature).length !== 1) throw this.#error(`\`${signature}\` is not one type`)
    return this.#checked(this.value(signature), wanted)
  }

  #checked(variant: Variant, wanted: string | undefined): Variant {
    if (wanted === undefined || wanted === variant.signature) return variant
    throw this.#error(`type \`${variant.signature}\` where \`${wanted}\` is wanted`)
  }

  #quoted(text: string, type: string): Variant {
    if (!'sog'.includes(type)) throw this.#error(`a text where \`${type}\` is wanted`)
    const value = text.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, code: string) => {
      if (code.length === 5) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
      return ESCAPES[code] ?? code
    })
    return { signature: type, value }
  }

  #number(text: string, wanted: string | undefined): Variant {
    const whole = /^[+-]?(?:0x[0-9a-fA-F]+|\d+)$/.test(text)
    const signature = wanted ?? (whole ? 'i' : 'd')
    if (signature === 'd' && Number.isFinite(Number(text))) return { signature, value: Number(text) }
    const integer = INTEGERS[signature]
    if (!whole || integer === undefined) throw this.#error(`\`${text}\` is not of type \`${signature}\``)
    const magnitude = BigInt(text.replace(/^[+-]/, ''))
    const value = text.startsWith('-') ? -magnitude : magnitude
    const fitting = integer.signed ? BigInt.asIntN(integer.bits, value) : BigInt.asUintN(integer.bits, value)
    if (fitting !== value) throw this.#error(`\`${text}\` does not fit type \`${signature}\``)
    return { signature, value: integer.bits === 64 ? value : Number(value) }
  }

  /** Without a type the first element says it. */
  #array(type: string | undefined): Variant {
    if (type !== undefined && !type.startsWith('a')) throw this.#error(`an array where \`${type}\` is wanted`)
    let element = type?.slice(1)
    const values: DBusValue[] = []
    while (!this.#passes(']')) {
      if (values.length > 0 && !this.#passes(',')) throw this.#error('`,` or `]` is missing')
      const variant = this.value(element)
      element = variant.signature
      values.push(variant.value)
    }
    if (element === undefined) throw this.#error('an empty array needs its type, `@as []`')
    return { signature: `a${element}`, value: values }
  }

  #tuple(type: string | undefined): Variant {
    if (type !== undefined && !type.startsWith('(')) throw this.#error(`a tuple where \`${type}\` is wanted`)
    const types = type === undefined ? undefined : fieldTypes(type)
    const fields: Variant[] = []
    while (!this.#passes(')')) {
      if (fields.length > 0 && !this.#passes(',')) throw this.#error('`,` or `)` is missing')
      if (fields.length > 0 && this.#passes(')')) break // ('one',)
      fields.push(this.value(types?.[fields.length]))
    }
    const signature = `(${fields.map(field => field.signature).join('')})`
    return this.#checked({ signature, value: fields.map(field => field.value) }, type)
  }

  #variant(type: string | undefined): Variant {
    const value = this.value(undefined)
    if (!this.#passes('>')) throw this.#error('`>` is missing')
    return this.#checked({ signature: 'v', value }, type)
  }

  #error(reason: string): Failure {
    return new Failure(`\`${this.#text}\` is not a value in GVariant's text format: ${reason}`)
  }
}
