// A descriptor of the host is no descriptor of the container: who handles one says whose it is, and the compiler compares.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Either type without its side, which would take and give those of any; a method of a kernel that is picked has none. */
const SIDELESS = /(?:[:|,(]|=>|readonly|(?<!Pick)<) ?(?:Fd|Kernel)\b(?![<(.\w])/

test('the types of descriptors and kernels have a side', () => {
  const sideless = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap(name =>
      readFileSync(join('src', name), 'utf8')
        .split('\n')
        .map((line, at) => ({ line, name, at })),
    )
    .filter(({ line }) => !/^import |^\s*(?:\/\/|\/?\*)/.test(line) && SIDELESS.test(line))
  expect(sideless.map(({ name, at, line }) => `src/${name}:${at + 1}: ${line.trim()}`)).toEqual([])
})
