import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'

const text = readFileSync(new URL('coverage.md', import.meta.url), 'utf8')
const rows = text.split('\n').filter(line => line.startsWith('| ') && !/^\| (-+|statement) /.test(line))

test('coverage.md has statements, each with where it is done and the test for it', () => {
  expect(rows.length).toBeGreaterThan(100)
  expect(rows.filter(row => row.split(' | ').length !== 3)).toEqual([])
})

test('every file that coverage.md names is there', () => {
  const files = new Set(
    rows.flatMap(row =>
      [...row.matchAll(/`((?:src|native|spec|conformance|testing)\/[^`]+)`/g)].map(([, file]) => file!),
    ),
  )
  expect(files.size).toBeGreaterThan(50)
  const there = (file: string) => existsSync(file.includes('*') ? dirname(file) : file)
  expect([...files].filter(file => !there(file))).toEqual([])
})
