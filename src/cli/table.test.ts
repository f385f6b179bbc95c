import { expect, test } from 'vitest'
import { formatTable } from './table.ts'

test('formatTable() aligns columns', () => {
  expect(
    formatTable([
      ['ID', 'PID', 'OWNER'],
      ['a-long-one', '1', 'root'],
      ['b', '12345', ''],
    ]),
  ).toBe('ID           PID     OWNER\na-long-one   1       root\nb            12345   \n')
})

test('formatTable() makes nothing of nothing', () => {
  expect(formatTable([])).toBe('')
})
