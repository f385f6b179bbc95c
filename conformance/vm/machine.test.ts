import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
test('controllers', () => {
  expect(readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8')).toContain('memory')
})
