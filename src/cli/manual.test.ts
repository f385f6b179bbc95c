import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { examples } from '../../scripts/manual/examples.ts'
import { manualPages } from '../../scripts/manual/roff.ts'
import { manual } from '../../scripts/manual/text.ts'
import { commands, isCommand } from './line/commands.ts'
import { type CommandName, optionsOf } from './line/options.ts'

test('docs/commands.md is what `npm run generate manual` writes', () => {
  expect(readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8')).toBe(manual())
})

/** The words of an example up to its first positional. */
function optionsIn(line: string): string[] {
  const words = line.split(' ')
  return words.slice(words.indexOf('tsrun') + 1).filter(word => word.startsWith('--') && word !== '--')
}

test.each(Object.keys(commands) as CommandName[])('the examples of %s call it with options that it has', command => {
  expect(examples[command].length).toBeGreaterThan(0)
  const known = [...optionsOf(command), ...optionsOf('*')].map(({ name }) => `--${name}`)
  for (const [line] of examples[command]) {
    const words = line.split(' ')
    expect(words.slice(words.indexOf('tsrun') + 1).find(isCommand), line).toBe(command)
    for (const option of optionsIn(line)) expect(known, line).toContain(option)
  }
})

describe('man pages', () => {
  const pages = manualPages('1.2.3', '2026-01-02')

  test('there is one of the program and one of each command, in which all options are', () => {
    const names = Object.keys(commands) as CommandName[]
    expect(pages.map(({ name }) => name)).toEqual(['tsrun', ...names.map(name => `tsrun-${name}`)])
    for (const [i, command] of (['*', ...names] as const).entries())
      for (const { name, hidden } of optionsOf(command))
        expect(pages[i]!.text.includes(`\\fB\\-\\-${name.replaceAll('-', '\\-')}\\fR`), name).toBe(!hidden)
  })

  test('no line is taken for a request of roff that is none', () => {
    const requests = /^\.(TH|SH|PP|TP)( |$)/
    for (const { name, text } of pages)
      for (const line of text.split('\n'))
        expect(!/^[.']/.test(line) || requests.test(line), `${name}: ${line}`).toBe(true)
  })
})
