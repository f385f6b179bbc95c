import { expect, test } from 'vitest'
import type { Kernel } from '../../native/kernel.ts'
import { paintFor, paintHelp } from './paint.ts'

const terminal = { termios: () => new Uint8Array(1) } as unknown as Kernel<'outside'>
const file = { termios: () => undefined } as unknown as Kernel<'outside'>

const painted = (outside: Kernel<'outside'>, env: Record<string, string>) =>
  paintFor({ outside, env: name => env[name] })('red', 'x')

test('paintFor() paints on a terminal', () => {
  expect(painted(terminal, { TERM: 'xterm' })).toBe('\x1b[31mx\x1b[0m')
  expect(painted(terminal, { TERM: 'xterm', NO_COLOR: '' })).toBe('\x1b[31mx\x1b[0m')
})

test.each([
  ['a file', file, { TERM: 'xterm' }],
  ['NO_COLOR', terminal, { TERM: 'xterm', NO_COLOR: '1' }],
  ['a terminal without styles', terminal, { TERM: 'dumb' }],
  ['nothing known', terminal, {}],
])('paintFor() leaves the text as it is: %s', (_, outside, env) => {
  expect(painted(outside, env)).toBe('x')
})

test('paintHelp() paints headings', () => {
  expect(paintHelp('Usage: x\n\nOptions:\n  -b: Bundle: y\n', (_, text) => `<${text}>`)).toBe(
    '<Usage:> x\n\n<Options:>\n  -b: Bundle: y\n',
  )
})
