import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../lib/repository.ts'
import { entries } from './table.ts'

const place = { directory: '/d', json: '/d/results.json' }

test('names are different, and what comes before comes before', () => {
  const names = entries.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const [index, { after }] of entries.entries())
    if (after !== undefined) expect(names.slice(0, index)).toContain(after)
})

test.each(entries.map(entry => [entry.name, entry] as const))('%s: its programs and files are there', (_, entry) => {
  const files = entry.command(place).filter(word => /^(conformance|scripts)\//.test(word))
  expect(files).not.toEqual([])
  for (const file of files) expect(existsSync(join(repository, file))).toBe(true)
})

test('whoever counts from a file is told its path', () => {
  const counters = ['engineCases', 'reportCases', 'suiteParts']
  for (const { count, command } of entries)
    if (counters.includes(count.name)) expect(command(place).join(' ')).toContain(`--json ${place.json}`)
})
