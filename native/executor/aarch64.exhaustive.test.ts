import { existsSync } from 'node:fs'
import { describe, test } from 'vitest'

// What the executor does, by the tests of the one for this machine.
if (process.platform === 'linux' && existsSync('/usr/bin/qemu-aarch64'))
  describe('the executor for AArch64, emulated', async () => {
    process.env['EXECUTOR'] = 'aarch64'
    await import('./launch.test.ts')
    delete process.env['EXECUTOR']
  })
else test.skip('no qemu-aarch64 here: the package qemu-user has it', () => {})
