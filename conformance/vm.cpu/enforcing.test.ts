// What the lane with SELinux promises.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('SELinux enforces', () => {
  expect(readFileSync('/sys/fs/selinux/enforce', 'utf8')).toBe('1')
})

test('the tests are an administrator’s programs', () => {
  const label = readFileSync('/proc/self/attr/current', 'utf8').replace('\0', '')
  expect(label).toBe('unconfined_u:unconfined_r:unconfined_t:s0')
})
