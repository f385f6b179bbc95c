import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as errors from './errors.ts'

const { ConfigError, Failure, HostError, KernelError, StateError, UsageError } = errors

/** The stable words, which docs/errors.md promises. */
const kinds = [
  [new UsageError('x'), 'usage', 'UsageError'],
  [new ConfigError('x', '/a'), 'config', 'ConfigError'],
  [new StateError('x'), 'state', 'StateError'],
  [new HostError('x'), 'host', 'HostError'],
  [new KernelError('mount', 2), 'kernel', 'KernelError'],
  [new Failure('x'), 'failure', 'Failure'],
] as const

test.each(kinds)('%s has its kind and class, and docs/errors.md tells about it', (error, kind, name) => {
  expect(error).toMatchObject({ kind, name })
  expect(readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')).toContain(`| \`${kind}\` | \`${name}\` |`)
})

test('no class of failures is missing there', () => {
  const classes = Object.values(errors).filter(value => value === Failure || (value as object) instanceof Function)
  const failures = classes.filter(value => (value as { prototype?: unknown }).prototype instanceof Error)
  expect(failures.map(({ name }) => name).sort()).toEqual(kinds.map(([, , name]) => name).sort())
})
