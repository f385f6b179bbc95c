import { expect, test } from 'vitest'
import { UsageError } from '../errors.ts'
import { checkConsole } from './consoleRoute.ts'

test.each<[string, Parameters<typeof checkConsole>]>([
  ['a terminal in the foreground', [true, undefined, true]],
  ['a terminal for somebody else', [true, '/socket', false]],
  ['a terminal for somebody else, and waiting for the program', [true, '/socket', true]],
  ['no terminal', [false, undefined, false]],
])('checkConsole() lets %s pass', (_, parts) => {
  expect(() => checkConsole(...parts)).not.toThrow()
})

test.each<[string, Parameters<typeof checkConsole>, string]>([
  ['a terminal that nobody would hold', [true, undefined, false], 'give --console-socket, or run in the foreground'],
  ['a socket for no terminal', [false, '/socket', false], '`process.terminal` is not true'],
])('checkConsole() refuses %s', (_, parts, words) => {
  expect(() => checkConsole(...parts)).toThrow(UsageError)
  expect(() => checkConsole(...parts)).toThrow(words)
})
