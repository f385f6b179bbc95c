// Says where a text stops being JSON. Only runs when JSON.parse has failed, so it may take its time.

/** Deeper nesting than any configuration has, and what fits into the smallest stack of an engine. */
const MAX_DEPTH = 200

class SyntaxFault extends Error {
  readonly at: number
  readonly problem: string

  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
    this.problem = problem
  }
}

/** One sentence about the first place at which `text` is not JSON (RFC 8259), with line and column counted from 1. */
export function findSyntaxError(text: string): string {
  try {
    const end = endOfDocument(text)
    if (end < text.length) throw new SyntaxFault(end, 'expected the end of the file')
    return 'is not valid JSON'
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault
    const found =
      fault.at < text.length ? `found ${JSON.stringify(text.charAt(fault.at))}` : 'found the end of the file'
    return `is not valid JSON: ${place(text, fault.at)}: ${fault.problem}, ${found}`
  }
}

/** A JSON document and what `text` goes on with behind it; undefined when it does not begin with one. */
export function splitDocument(text: string): { readonly document: string; readonly restAt: string } | undefined {
  try {
    const end = endOfDocument(text)
    return { document: text.slice(0, end), restAt: place(text, end) }
  } catch (fault) {
    if (fault instanceof SyntaxFault) return undefined
    throw fault
  }
}

function endOfDocument(text: string): number {
  return skipSpace(text, value(text, skipSpace(text, 0), 0))
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`
}

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y
const PLAIN = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y

/** The place behind what `pattern` matches at `at`; -1 when it does not match there. */
function behind(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}

function skipSpace(text: string, at: number): number {
  return behind(SPACE, text, at)
}

function value(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new SyntaxFault(at, `expected no more than ${MAX_DEPTH} levels of nesting`)
  const first = text.charAt(at)
  if (first === '{') return list(text, at + 1, '}', next => member(text, next, depth))
  if (first === '[') return list(text, at + 1, ']', next => value(text, next, depth + 1))
  if (first === '"') return string(text, at, 'a string')
  const end = Math.max(behind(NUMBER, text, at), behind(WORD, text, at))
  if (end < 0) throw new SyntaxFault(at, 'expected a value')
  return end
}

function list(text: string, start: number, close: string, entry: (at: number) => number): number {
  let at = skipSpace(text, start)
  if (text.charAt(at) === close) return at + 1
  for (;;) {
    at = skipSpace(text, entry(at))
    if (text.charAt(at) === close) return at + 1
    if (text.charAt(at) !== ',') throw new SyntaxFault(at, `expected \`,\` or \`${close}\``)
    at = skipSpace(text, at + 1)
  }
}

function member(text: string, at: number, depth: number): number {
  const colon = skipSpace(text, string(text, at, 'a name in double quotes'))
  if (text.charAt(colon) !== ':') throw new SyntaxFault(colon, 'expected `:`')
  return value(text, skipSpace(text, colon + 1), depth + 1)
}

function string(text: string, at: number, what: string): number {
  if (text.charAt(at) !== '"') throw new SyntaxFault(at, `expected ${what}`)
  const end = behind(PLAIN, text, at + 1)
  if (text.charAt(end) === '"') return end + 1
  throw new SyntaxFault(end, text.charAt(end) === '\\' ? 'expected a known escape' : 'expected the end of the string')
}
