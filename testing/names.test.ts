// One word, one thing: a type has a name that no other has, also where only its own file sees it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** What callers of the library know by these names, though the code has the same words for something larger. */
const LIBRARY = ['Runtime', 'RuntimeOptions']

/** Tests have words for themselves alone, and a declaration file those of a package. */
const OTHERS = /\.(test|scene|contract)\.ts$|\.d\.ts$/

test('types have names of their own', () => {
  const places = new Map<string, string[]>()
  for (const folder of ['src', 'native', 'testing'])
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || OTHERS.test(name)) continue
      const file = join(folder, name)
      for (const [, type] of readFileSync(file, 'utf8').matchAll(
        /^(?:export )?(?:abstract )?(?:interface|type|class) (\w+)/gm,
      ))
        places.set(type!, [...(places.get(type!) ?? []), file])
    }
  const shared = [...places].filter(([type, files]) => files.length > 1 && !LIBRARY.includes(type))
  expect(Object.fromEntries(shared)).toEqual({})
})
