// What of the host is in a container without being asked for, and what a program can change of it: nothing. The table is in
// docs/security.md.

import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Config, grantRights } from '../../lib/config.ts'
import { type Change, command, createRunning, inside, removeLater } from '../../lib/container.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, run } from '../../lib/run.ts'
import { isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

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
  grantRights(config, capabilities)
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
  beforeAll(() => void compile('tamper', tamper))

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

  /** Of what nobody changes here: which file a standard stream is. */
  const streams = 'for n in 0 1 2; do stat -L -c %d:%i /proc/self/fd/$n; done > /seen; cat /seen'
  const hostNull = () => {
    const { dev, ino } = lstatSync('/dev/null')
    return `${dev}:${ino}`
  }

  test('a standard stream that is the null device is the container’s own, as crun and runc have it', () => {
    for (const change of isTsrun ? [() => {}, inSameIds] : [() => {}]) {
      expect(inside(streams, change).split('\n')).not.toContain(hostNull())
      const [stream, device] = inside('stat -L -c %d:%i /dev/stdin /dev/null', change).split('\n')
      expect(stream).toBe(device)
    }
  })

  test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])(
    'where the caller has closed standard streams (%s) the program gets nothing of ours in their place (CVE-2024-21626)',
    closed => {
      const look = 's=; for n in 0 1 2; do test -d /proc/$$/fd/$n/. && s=$s$n; done; echo "$s" > /seen; touch /done'
      const script = `${look}; sleep 1000`
      const bundle = makeBundle(config => (config.process.args = ['sh', '-c', script]))
      const id = removeLater(fresh())
      const call = (...words: string[]) => run(['sh', '-c', `exec "$@" ${closed}`, 'sh', ...command(...words)])
      const seen = () => {
        eventually('the program to look', () => existsSync(join(bundle.rootfs, 'done')))
        rmSync(join(bundle.rootfs, 'done'))
        return readFileSync(join(bundle.rootfs, 'seen'), 'utf8')
      }
      expect(call('run', '--detach', '--bundle', bundle.directory, id).status).toBe(0)
      expect(seen()).toBe('\n')
      call('exec', '--detach', id, 'sh', '-c', script)
      expect(seen()).toBe('\n')
      expect(call('delete', '--force', id).status).toBe(0)
      expect(call('create', '--bundle', bundle.directory, id).status).toBe(0)
      expect(call('start', id).status).toBe(0)
      expect(seen()).toBe('\n')
    },
  )

  test.skipIf(!isTsrun)('nor is it that of the host where the container has none, or another file in its place', () => {
    const volume = makeDirectory()
    const victim = join(makeDirectory(), 'victim')
    writeFileSync(victim, 'untouched')
    symlinkSync('/victim', join(volume, 'null'))
    const seen = inside(`${streams}; stat -L -c %t:%T /proc/self/fd/0`, (config, rootfs) => {
      copyFileSync(victim, join(rootfs, 'victim'))
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
      config.mounts.push({ destination: '/dev', type: 'bind', source: volume, options: ['rbind'] })
    })
    expect(seen).not.toContain(hostNull())
    expect(seen).toMatch(/\n1:3$/)
  })

  test.skipIf(!isTsrun)('nor in exec (crun: it is)', () => {
    const container = createRunning(config => withRights(config, false))
    const look = (script: string) => must(command('exec', container.id, 'sh', '-c', script))
    expect(look(streams)).not.toContain(hostNull())
    look('rm /dev/null; ln -s /bin/busybox /dev/null')
    expect(look(streams)).not.toContain(hostNull())
    expect(look('stat -L -c %t:%T /proc/self/fd/0')).toBe('1:3\n')
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

  /** crun and runc replace ptmx there, and make core. */
  test.skipIf(!isTsrun)(
    'a devtmpfs at /dev, which is the one of the host: nothing in it is made or changed (tsrun only)',
    () => {
      const look = () => readdirSync('/dev').map(name => [name, identity(join('/dev', name), false)])
      const before = look()
      const change: Change = config => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
        config.mounts.push({ destination: '/dev', type: 'devtmpfs', source: 'devtmpfs', options: ['nosuid'] })
        config.linux.maskedPaths = MASKED
      }
      expect(inside('stat -c %t:%T /dev/null /proc/keys', change)).toBe('1:3\n1:3')
      expect(look()).toEqual(before)
    },
  )

  test.skipIf(!isTsrun)('/proc and /sys of the host, bound: what is masked there is not masked on the host', () => {
    const change: Change = config => {
      config.mounts = config.mounts.filter(({ destination }) => !/^\/(proc|sys)\b/.test(destination))
      for (const destination of ['/proc', '/sys'])
        config.mounts.push({ destination, type: 'bind', source: destination, options: ['rbind', 'rslave'] })
      config.linux.maskedPaths = ['/proc/keys', '/sys/kernel']
      config.linux.readonlyPaths = ['/proc/sys']
    }
    const [before, mounts] = [
      readFileSync('/proc/sys/kernel/core_pattern'),
      readFileSync('/proc/self/mountinfo', 'utf8'),
    ]
    const script = 'cat /proc/keys; ls /sys/kernel; (: >> /proc/sys/kernel/core_pattern) 2>&- || echo read-only'
    expect(inside(script, change)).toBe('read-only')
    expect(readFileSync('/proc/sys/kernel/core_pattern')).toEqual(before)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts)
    expect(readdirSync('/sys/kernel')).not.toEqual([])
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
