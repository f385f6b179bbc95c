import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findSyntaxError } from './syntax.ts'

test.each([
  ['', 'line 1, column 1: expected a value, found the end of the file'],
  ['{"a": 1 "b": 2}', 'line 1, column 9: expected `,` or `}`, found "\\""'],
  ['{"a" 1}', 'line 1, column 6: expected `:`, found "1"'],
  ["{'a': 1}", 'line 1, column 2: expected a name in double quotes, found "\'"'],
  ['[1,\n\n 2,]', 'line 3, column 4: expected a value, found "]"'],
  ['[1] x', 'line 1, column 5: expected the end of the file, found "x"'],
  ['"a\nb"', 'line 1, column 3: expected the end of the string, found "\\n"'],
  ['"a\\qb"', 'line 1, column 3: expected a known escape, found "\\\\"'],
  ['[01]', 'line 1, column 3: expected `,` or `]`, found "1"'],
  ['{"a": tru}', 'line 1, column 7: expected a value, found "t"'],
  ['// comment\n{}', 'line 1, column 1: expected a value, found "/"'],
  ['{"a": "b', 'line 1, column 9: expected the end of the string, found the end of the file'],
])('findSyntaxError(%j)', (text, sentence) => {
  expect(() => JSON.parse(text)).toThrow()
  expect(findSyntaxError(text)).toBe(`is not valid JSON: ${sentence}`)
})

test('findSyntaxError() finds something in every text that JSON.parse refuses, and nothing elsewhere', () => {
  const damaged = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '\\', '0', 'x', '\t', '\u0001'))
  fc.assert(
    fc.property(damaged, ([json, at, piece]) => {
      const cut = at % (json.length + 1)
      const text = json.slice(0, cut) + piece + json.slice(cut + 1)
      expect(findSyntaxError(text) === 'is not valid JSON').toBe(isJson(text))
    }),
    { numRuns: 2000 },
  )
})

test('findSyntaxError() gives up on absurd nesting instead of overflowing the stack', () => {
  expect(findSyntaxError('['.repeat(100_000))).toContain('levels of nesting')
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
