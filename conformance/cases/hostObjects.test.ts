// What of the host is in a container without being asked for, and what a program can change of it: nothing. The table is in
// docs/security.md.

import { chmodSync, chownSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeDirectory } from '../lib/bundle.ts'
import type { Config } from '../lib/config.ts'
import { type Change, command, createRunning } from '../lib/container.ts'
import { have, isRoot } from '../lib/machine.ts'
import { launch, must, run } from '../lib/run.ts'
import { isRunc, isTsrun, repository } from '../lib/runtime.ts'
import { sceneDirectory } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'

const DEFAULTS = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map(name => `/dev/${name}`)
/** They are made so again, whatever becomes of a test. */
const intact = DEFAULTS.map(path => ({ path, gid: lstatSync(path).gid }))
const MASKED = ['/proc/keys', '/proc/timer_list']
const RIGHTS = ['CHOWN', 'FOWNER', 'FSETID', 'SETFCAP', 'LEASE', 'DAC_OVERRIDE', 'MKNOD', 'SYS_RAWIO']

const tamper = join(sceneDirectory, 'tamper')
const skip = !isRoot || !have('cc')

/** Times of reading and writing are told apart: other programs of the host use its devices, too. */
function identity(path: string, used = true) {
  const { ino, mode, uid, gid, ctimeMs, mtimeMs, atimeMs } = lstatSync(path)
  const attributes = have('getfattr') ? must(['getfattr', '-hd', '-m-', path]) : ''
  return { ino, mode, uid, gid, attributes, ...(used && { ctimeMs, mtimeMs, atimeMs }) }
}

/** All rights that help, and with `mounts` also that to undo a read-only mount. */
function withRights(config: Config, mounts: boolean): void {
  const capabilities = [...RIGHTS, ...(mounts ? ['SYS_ADMIN'] : [])].map(name => `CAP_${name}`)
  for (const set of ['bounding', 'effective', 'permitted']) config.process.capabilities![set]!.push(...capabilities)
}

/** Root in there is the root of the host. */
function inSameIds(config: Config): void {
  const map = [{ containerID: 0, hostID: 0, size: 65_536 }]
  config.linux.namespaces.push({ type: 'user' })
  config.linux.uidMappings = map
  config.linux.gidMappings = map
}

/** Tampers with `files` in a container, and looks at the host's meanwhile. Gives what the program says to have changed. */
async function attempt(change: Change, files: readonly string[], look: () => void): Promise<string> {
  const container = createRunning((config, rootfs) => {
    config.linux.maskedPaths = MASKED
    change(config, rootfs)
    must(['cp', tamper, join(rootfs, 'tamper')])
  })
  const { child, speaks, done } = launch(command('exec', container.id, '/tamper', ...files))
  try {
    await speaks
    look()
  } finally {
    child.stdin!.end()
    for (const { path, gid } of intact) {
      chmodSync(path, 0o666)
      chownSync(path, 0, gid)
    }
  }
  const { status, stdout } = await done
  expect(status).toBe(0)
  return stdout
}

const isLocked = (path: string) => run(['flock', '--nonblock', path, 'true']).status !== 0

describe.skipIf(skip)('what is in a container unasked', () => {
  leavesNothing()
  beforeAll(() => void must(['cc', '-static', '-O1', '-o', tamper, join(repository, 'conformance/lib/tamper.c')]))

  test.each([
    ['an everyday container', () => {}, false],
    ['one that can mount', () => {}, true],
    // crun and runc bind the host's there, and runc so that it can be changed.
    ...(isTsrun
      ? ([
          ['one in a user namespace with the ids of the host', inSameIds, false],
          ['one in such a namespace that can mount', inSameIds, true],
        ] as const)
      : []),
  ] as const)('the null device over masked files, in %s', async (_, change, mounts) => {
    const before = identity('/dev/null', false)
    const changed = await attempt(
      config => {
        withRights(config, mounts)
        change(config)
      },
      MASKED,
      () => {
        expect(identity('/dev/null', false)).toEqual(before)
        if (isTsrun) expect(isLocked('/dev/null')).toBe(false)
      },
    )
    if (!mounts && !isRunc) expect(changed).toBe('done\n')
  })

  test.skipIf(!isTsrun).each([
    ['', false],
    [' that can mount', true],
  ] as const)('default devices, in a user namespace with the ids of the host%s (tsrun only)', async (_, mounts) => {
    const before = DEFAULTS.map(path => identity(path, false))
    await attempt(
      config => {
        withRights(config, mounts)
        inSameIds(config)
      },
      DEFAULTS,
      () => {
        expect(DEFAULTS.map(path => identity(path, false))).toEqual(before)
        expect(DEFAULTS.filter(path => path !== '/dev/tty' && isLocked(path))).toEqual([])
      },
    )
  })

  test('the null device over masked files, in a container with the /dev of the host', async () => {
    const before = identity('/dev/null', false)
    await attempt(
      config => {
        withRights(config, false)
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
        config.mounts.push({ destination: '/dev', type: 'bind', source: '/dev', options: ['rbind', 'rslave'] })
      },
      isRunc ? [] : MASKED,
      () => expect(identity('/dev/null', false)).toEqual(before),
    )
  })

  test.skipIf(!isTsrun)(
    'a listed device in a user namespace is another node than the one of the host (tsrun only)',
    async () => {
      const path = join(makeDirectory(), 'device')
      must(['mknod', '-m', '666', path, 'c', '1', '3'])
      const before = identity(path)
      await attempt(
        config => {
          withRights(config, false)
          inSameIds(config)
          config.linux.devices = [{ type: 'c', path, major: 1, minor: 3 }]
        },
        [path],
        () => expect(identity(path)).toEqual(before),
      )
    },
  )
})
