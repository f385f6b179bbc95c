// The session keyring: a container has its own, and nothing of the caller's.

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Change, createRunning, inside, oci, removeLater } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { have } from '../../lib/machine.ts'
import { launch } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

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
  const name = new RegExp(`^_ses\\.${id}(\\.[0-9a-f]{32})?:$`)
  return lines.filter(words => name.test(words[8] ?? '')).map(([serial, , , , permissions]) => [serial!, permissions!])
}

test('it is named after the container, and its user may search it', () => {
  const id = fresh()
  const permissions = isTsrun ? '3f080000' : '3f1b0000'
  expect(sessions(keys(id), id)).toEqual([[expect.stringMatching(/^[0-9a-f]{8}$/), permissions]])
})

test('--no-new-keyring keeps that of the caller', () => {
  const id = fresh()
  expect(keys(id, ['--no-new-keyring'])).not.toContain(`_ses.${id}`)
})

test('a program of another user has it too', () => {
  const id = fresh()
  expect(sessions(keys(id, [], 1000), id).length).toBe(1)
})

const withKeys =
  (program: string): Change =>
  (config, rootfs) => {
    copyFileSync(program, join(rootfs, 'bin/keys'))
    config.linux.maskedPaths = []
  }

function compileKeys(): string {
  const program = join(makeDirectory(), 'keys')
  compile('keys', program)
  return program
}

/** Somebody makes a keyring of this name, before or after a container does. */
async function guess(program: string, name: string, uid: number) {
  const { child, speaks, done } = launch([program, 'guess', name, String(uid)])
  later(() => void child.kill('SIGKILL'))
  await speaks
  return async () => {
    child.stdin!.write('\n')
    return (await done).stdout
  }
}

test.skipIf(!have('cc') || !isTsrun)('who guesses its name gets nothing that is put there (tsrun only)', async () => {
  const program = compileKeys()
  const id = fresh()
  const others = [await guess(program, `_ses.${id}`, 65_534), await guess(program, `_ses.${id}`, 0)]
  const bundle = makeBundle((config, rootfs) => {
    withKeys(program)(config, rootfs)
    config.process.args = ['sh', '-c', 'keys put of-run && cat']
  })
  expect(oci(['run', '--bundle', bundle.directory, removeLater(id)])).toMatchObject({ status: 0 })
  for (const read of others) expect(await read()).toBe('ready\n')
})

test.skipIf(!have('cc') || !isTsrun)(
  'exec puts keys where the program has its own, and nowhere else (tsrun only)',
  async () => {
    const program = compileKeys()
    const container = createRunning(withKeys(program))
    const other = await guess(program, `_ses.${container.id}`, 65_534)
    expect(exec(container, ['keys', 'put', 'of-exec'])).toMatchObject({ status: 0 })
    expect(await other()).toBe('ready\n')
  },
)

test.skipIf(!isTsrun)('another container of the same user does not see what it is called (tsrun only)', () => {
  const container = createRunning()
  const seen = inside('cat /proc/keys', config => {
    config.linux.maskedPaths = []
  })
  expect(seen).toContain('_ses.')
  expect(seen).not.toContain(`_ses.${container.id}`)
})
