import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { flagsOf, O_DIRECTORY, O_NOFOLLOW } from '../abi/fcntl.ts'
import { type Architecture, architecture } from './architecture.ts'

/** The kernel's headers for each machine; Debian has them for the other one in linux-libc-dev-arm64-cross. */
const headers: [Architecture, string][] = [
  ['x86_64', '/usr/include/asm-generic/fcntl.h'],
  ['aarch64', '/usr/aarch64-linux-gnu/include/asm/fcntl.h'],
]

test.each(headers.filter(([, file]) => existsSync(file)))('flags of %s are those of %s', (arch, file) => {
  const found = readFileSync(file, 'utf8').matchAll(/^#\s*define\s+(O_\w+)\s+0(\d+)/gm)
  const defined = Object.fromEntries([...found].map(([, name, octal]) => [name, Number.parseInt(octal!, 8)]))
  expect(defined).toMatchObject(flagsOf[arch])
})

test('the flags are those of this machine', () => {
  expect({ O_DIRECTORY, O_NOFOLLOW }).toEqual(flagsOf[architecture!])
})
