import { expect, test } from 'vitest'
import { planTerminal } from './terminal.ts'

const consoleSize = { height: 24, width: 80 }

test('planTerminal() takes the size, or leaves it to the kernel', () => {
  expect(planTerminal({ cwd: '/', terminal: true, consoleSize })).toEqual({ size: { rows: 24, columns: 80 } })
  expect(planTerminal({ cwd: '/', terminal: true })).toEqual({ size: undefined })
})

test('planTerminal() has nothing to do without `terminal`, whatever the size', () => {
  expect(planTerminal({ cwd: '/', terminal: false, consoleSize })).toBeUndefined()
  expect(planTerminal({ cwd: '/', consoleSize })).toBeUndefined()
})
