import { PassThrough } from 'node:stream'
import { createContext, runInContext } from 'node:vm'
import { expect, test } from 'vitest'
import { UsageError } from '../../errors.ts'
import { environmentOf } from './changes.ts'
import { checkOptions, kinds, oneOf } from './options.ts'
import { RUN_OPTIONS } from './tables.ts'

const said = (options: unknown) => {
  try {
    checkOptions('run', options, RUN_OPTIONS)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  return undefined
}

test.each<[unknown, string]>([
  [{ maxOuput: 1 }, 'run: there is no option `maxOuput`; did you mean `maxOutput`?'],
  [{ timeout: 1 }, 'run: there is no option `timeout`; did you mean `signal: AbortSignal.timeout(ms)`?'],
  [{ qqqq: 1 }, 'run: there is no option `qqqq`'],
  [{ toString: 1 }, 'run: there is no option `toString`'],
  [{ id: 5 }, 'run: id: must be a string, is 5'],
  [{ signal: 1000 }, 'run: signal: must be an AbortSignal, is 1000'],
  [{ stdout: null }, "run: stdout: must be 'pipe', 'ignore', 'inherit', a descriptor or a stream to write to, is null"],
  [{ env: { A: 1 } }, 'run: env: must be an array of NAME=VALUE strings, or an object with strings, is an object'],
  [{ args: 'ls -l' }, 'run: args: must be an array of strings, is `ls -l`'],
  [{ encoding: 'latin1' }, "run: encoding: must be 'utf8' or 'buffer', is `latin1`"],
  [
    { terminal: { columns: 0, rows: 1 } },
    'run: terminal: must be true, false or a size such as { columns: 80, rows: 24 }, is an object',
  ],
  ['x', 'run: the options must be an object, are `x`'],
  [null, 'run: the options must be an object, are null'],
])('%o is refused', (options, words) => {
  expect(said(options)).toBe(words)
})

test('what there is passes, also from another realm, and so does what is undefined', () => {
  const { signal } = new AbortController()
  const stream = new PassThrough()
  expect(
    said({ id: undefined, args: ['a'], env: { A: 'b', C: undefined }, signal, stdin: stream, stdout: stream }),
  ).toBe(undefined)
  const foreign = runInContext("({ args: ['a'], env: { A: 'b' }, config: {} })", createContext())
  expect(said(foreign)).toBe(undefined)
})

test('oneOf() names its words', () => {
  expect(oneOf('a', 'b')).toMatchObject({ words: "'a' or 'b'" })
  expect(kinds.terminal.fits({ columns: 80, rows: 24 })).toBe(true)
})

test('an environment is a list in the end', () => {
  expect(environmentOf({ A: 'b', EMPTY: '', GONE: undefined })).toEqual(['A=b', 'EMPTY='])
  expect(environmentOf(['A=b'])).toEqual(['A=b'])
  expect(environmentOf(undefined)).toBe(undefined)
})
