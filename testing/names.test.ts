// One word, one thing: what a room offers to others has a name that nothing else has.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** What callers of the library know by these names, though the code has the same words for something larger. */
const LIBRARY = ['Runtime', 'RuntimeOptions']

test('exported types have names of their own', () => {
  const places = new Map<string, string[]>()
  for (const folder of ['src', 'native', 'testing'])
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file =>
      file.endsWith('.ts'),
    )) {
      const file = join(folder, name)
      for (const [, type] of readFileSync(file, 'utf8').matchAll(
        /^export (?:abstract )?(?:interface|type|class) (\w+)/gm,
      ))
        places.set(type!, [...(places.get(type!) ?? []), file])
    }
  const shared = [...places].filter(([type, files]) => files.length > 1 && !LIBRARY.includes(type))
  expect(Object.fromEntries(shared)).toEqual({})
})
