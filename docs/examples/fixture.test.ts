// A container as a fixture of tests: each test gets one that runs, and it is gone when the test ends, however that ends.
//
//   ROOTFS=/path/to/rootfs npx vitest run --root docs/examples

import { type Container, defaultConfig, Runtime } from 'tsrun'
import { test as base, expect } from 'vitest'

const runtime = new Runtime()

const test = base.extend<{ container: Container }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which other fixtures this one needs
  container: async ({}, use) => {
    const config = defaultConfig(process.env['ROOTFS'] ?? '/', ['sleep', '3600'])
    await using container = await runtime.create({ config, stdout: 'ignore', stderr: 'inherit' })
    await container.start()
    await use(container)
  },
})

test('a command runs inside', async ({ container }) => {
  const program = await container.exec(['sh', '-c', 'echo "hello from $(hostname)"'])
  expect(await program.output()).toMatchObject({ code: 0, stdout: 'hello from tsrun\n' })
})

test('there is no network', async ({ container }) => {
  const program = await container.exec(['ls', '/sys/class/net'])
  expect((await program.output()).stdout.trim()).toBe('lo')
})
