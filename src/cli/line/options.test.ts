import { expect, expectTypeOf, test } from 'vitest'
import type { Verb } from '../verb.ts'
import { commands } from './commands.ts'
import { type CommandName, commandsWith, type OptionsOf, optionsOf } from './options.ts'

const names = Object.keys(commands) as CommandName[]

test.each(['*' as const, ...names])('the options of %s have names and letters of their own', command => {
  const forms = optionsOf(command).flatMap(({ name, short = '' }) => [name, ...short])
  expect(forms).toEqual([...new Set(forms)])
})

test.each(['*' as const, ...names])('the help of every option of %s is a phrase', command => {
  for (const { help } of optionsOf(command)) expect(help).toMatch(/^\S.*[^.]$/)
})

test('optionsOf() gives what create and run share, and what run has alone', () => {
  const create = optionsOf('create').map(option => option.name)
  const run = optionsOf('run').map(option => option.name)
  expect(run.filter(name => !create.includes(name))).toEqual(['detach', 'keep'])
})

test('commandsWith() names the commands of an option, without the global ones', () => {
  expect(commandsWith('regex')).toEqual(['kill', 'delete'])
  expect(commandsWith('rootless')).toEqual(['spec'])
  expect(commandsWith('nonsense')).toEqual([])
})

test('the types of the options come from the table', () => {
  expectTypeOf<OptionsOf<'list'>>().toEqualTypeOf<{ readonly format: 'table' | 'json'; readonly quiet: boolean }>()
  expectTypeOf<OptionsOf<'run'>['pid-file']>().toEqualTypeOf<string | undefined>()
  expectTypeOf<OptionsOf<'run'>['preserve-fds']>().toEqualTypeOf<number>()
  expectTypeOf<OptionsOf<'state'>>().toEqualTypeOf<Record<never, never>>()
  expectTypeOf<Parameters<Verb<'delete'>>[1]>().toEqualTypeOf<{ readonly force: boolean; readonly regex: boolean }>()
})
