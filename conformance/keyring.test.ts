// The session keyring: a container has its own, and nothing of the caller's.

import { expect, test } from 'vitest'
import { makeBundle } from './lib/bundle.ts'
import { oci, removeLater } from './lib/container.ts'
import { fresh } from './lib/scene.ts'
import { leavesNothing } from './lib/snapshot.ts'

leavesNothing()

/** What the program sees of keys; proc_keys(5) lists those that it may view. */
function keys(id: string, flags: string[] = [], uid = 0): string {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/keys']
    config.process.user = { uid, gid: uid }
    config.linux.maskedPaths = []
  })
  return oci(['run', ...flags, '--bundle', bundle.directory, removeLater(id)]).stdout
}

/** Serial and permissions of the session keyrings of this container, whoever else has some. */
function sessions(text: string, id: string): string[][] {
  const lines = text.split('\n').map(line => line.split(/\s+/))
  return lines.filter(words => words[8] === `_ses.${id}:`).map(([serial, , , , permissions]) => [serial!, permissions!])
}

test('it is named after the container, and its user may search it', () => {
  const id = fresh()
  expect(sessions(keys(id), id)).toEqual([[expect.stringMatching(/^[0-9a-f]{8}$/), '3f1b0000']])
})

test('--no-new-keyring keeps that of the caller', () => {
  const id = fresh()
  expect(keys(id, ['--no-new-keyring'])).not.toContain(`_ses.${id}`)
})

test('a program of another user has it too', () => {
  const id = fresh()
  expect(sessions(keys(id, [], 1000), id).length).toBe(1)
})
