import { expect, test } from 'vitest'
import { selectPids } from './ps.ts'

const TABLE = `UID        PID  PPID  C STIME TTY          TIME CMD
root         1     0  0 10:00 ?        00:00:01 init
root        12     1  0 10:00 ?        00:00:00 echo 40 41
root        40    12  0 10:00 ?        00:00:00 sleep 12
`

test('selectPids() keeps the titles and the lines whose PID is wanted, whatever else has such a number', () => {
  expect(selectPids(TABLE, [40])).toBe(
    `UID        PID  PPID  C STIME TTY          TIME CMD
root        40    12  0 10:00 ?        00:00:00 sleep 12
`,
  )
})

test('selectPids() of nothing is the titles', () => {
  expect(selectPids(TABLE, [])).toBe('UID        PID  PPID  C STIME TTY          TIME CMD\n')
})

test('selectPids() finds the column wherever it is', () => {
  expect(selectPids('COMMAND PID\nsleep    40\nsleep    41\n', [41])).toBe('COMMAND PID\nsleep    41\n')
  expect(selectPids('    PID COMMAND\n     40 sleep\n', [40])).toBe('    PID COMMAND\n     40 sleep\n')
})

test('selectPids() without a column PID says so', () => {
  expect(() => selectPids('COMMAND\nsleep\n', [40])).toThrow('no column PID')
})
