import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../lib/repository.ts'
import { attacks, securityTable } from './list.ts'

const read = (file: string) => readFileSync(join(repository, file), 'utf8')

test.each(attacks.map(attack => [attack.ids.join(', '), attack] as const))(
  '%s: what its mutation changes is there, and so are its test and defence',
  (_, { mutation, where, test: { file, name } }) => {
    for (const edit of mutation.edits) expect(read(edit.file).split(edit.from)).toHaveLength(2)
    for (const path of where.split(', ')) expect(read(path)).not.toBe('')
    // Names of parameterized tests are made at run time: the longest piece without a parameter has to be there.
    const pieces = name.split(
      /\\d\+|by mount\\\(2\\\):|\b(?:an absolute link|a link that climbs|\d{5}|foo|without it)\b|\/proc|\/sys|`/,
    )
    const longest = pieces.sort((a, b) => b.length - a.length)[0]!.trim()
    expect(read(file)).toContain(longest)
  },
)

test('docs/security.md has the table of the list', () => {
  expect(read('docs/security.md')).toContain(securityTable().trim())
})
