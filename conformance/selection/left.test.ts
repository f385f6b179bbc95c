import { mkdtempSync, rmdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { added, inventory } from './left.ts'

test('added() has what is new, and not what has gone', () => {
  const before = new Map([
    ['/tmp/a', 'file'],
    ['/tmp/gone', 'file'],
  ] as const)
  const now = new Map([
    ['/tmp/a', 'file'],
    ['/sys/fs/cgroup/x', 'cgroup'],
    ['tmpfs on /x', 'mount'],
  ] as const)
  expect(added(before, now)).toEqual(['cgroup: /sys/fs/cgroup/x', 'mount: tmpfs on /x'])
})

test('inventory() sees temporary files', () => {
  const before = inventory()
  const directory = mkdtempSync('/tmp/left-')
  try {
    expect(added(before, inventory())).toContain(`file: ${directory}`)
  } finally {
    rmdirSync(directory)
  }
})
