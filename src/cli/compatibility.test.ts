// docs/compatibility.md and docs/words.md say nothing that is not there: every command and option is in it, and every test that they name.

import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { caseFile } from '../../conformance/lib/cases.ts'
import { commands } from './line/commands.ts'
import { type CommandName, optionsOf } from './line/options.ts'

const repository = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/compatibility.md', repository), 'utf8')

const everyCommand = Object.keys(commands) as CommandName[]

test.each(everyCommand)('%s is told', command => {
  expect(text).toMatch(new RegExp(`\\b${command}\\b`))
})

test.each(['*' as const, ...everyCommand])('the options of %s are told', command => {
  const missing = optionsOf(command).filter(({ name }) => !new RegExp(`\`--${name}(?![\\w-])`).test(text))
  expect(missing.map(({ name }) => name)).toEqual([])
})

const words = readFileSync(new URL('docs/words.md', repository), 'utf8')

/** `exec.test.ts` “words of a title”, in conformance/cases/ unless there is a path. */
const named = [...`${text}${words}`.matchAll(/`([\w./-]+\.test\.ts)`(?: “([^”]+)”)?/g)].map(([, file = '', title]) => ({
  file: file.includes('/') ? file : caseFile(file.replace('.test.ts', '')),
  title,
}))

test('the tests that they name exist, with these titles', () => {
  const wrong = named.filter(({ file, title }) => {
    const path = new URL(file, repository)
    return !existsSync(path) || (title !== undefined && !readFileSync(path, 'utf8').includes(title))
  })
  expect(wrong).toEqual([])
  expect(named.length).toBeGreaterThan(80)
})
