// Names that somebody else exchanges while a container is made: another container with the same volume or root file system,
// another user with the directory above. A runtime may refuse or may keep the effect inside; the host stays as it is, and a
// container that runs is protected. EXCHANGED_ROUNDS says how many containers there are for each place.

import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EPERM } from '../../../native/abi/errno.ts'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { command, inside, removeLater, runBundle } from '../../lib/container.ts'
import { denying, MOUNTS, withDeny } from '../../lib/deny.ts'
import { exchange } from '../../lib/exchange.ts'
import { have } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()
withDeny()

const given = process.env['EXCHANGED_ROUNDS']
const rounds = (usual: number) => Number(given ?? usual)
const timeout = (usual: number) => rounds(usual) * 2_000 + 60_000
const compiler = have('cc')

const NULL = ['c', '1', '3']

/** How mounts are made: where a filter around the runtime denies one of the newer calls, by mount(2). */
const WAYS: readonly (readonly [string, readonly string[], number])[] = [
  ['as usual', [], 1],
  ['by mount(2)', denying(MOUNTS, EPERM), 6],
]

describe.each(isTsrun ? WAYS : WAYS.slice(0, 1))('mounts are made %s:', (_way, filter, fewer) => {
  const times = (usual: number) => rounds(Math.ceil(usual / fewer))
  const start = ({ directory }: Bundle) =>
    run([...filter, ...command('run', '--bundle', directory, removeLater(fresh()))], { timeout: 30_000 })

  test.skipIf(!compiler)(
    'a device that is exchanged for a link gives its mode and owner to nothing of the host',
    { timeout: timeout(60) },
    async () => {
      const volume = makeDirectory(0o777)
      const victim = join(makeDirectory(), 'victim')
      writeFileSync(victim, '')
      chmodSync(victim, 0o600)
      const [node, link] = [join(volume, 'node'), join(volume, 'link')]
      must(['mknod', '-m', '600', node, ...NULL])
      symlinkSync(victim, link)
      const bundle = makeBundle(config => {
        config.mounts.push({ destination: '/data', type: 'bind', source: volume, options: ['rbind', 'rw'] })
        const device = { path: '/data/node', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 7, gid: 7 }
        config.linux.devices = [device]
        config.process.args = ['true']
      })
      await exchange(node, link)
      for (let round = 0; round < times(60); round += 1) {
        missing(node, link, victim)
        start(bundle)
        const { mode, uid } = statSync(victim)
        expect({ round, mode: (mode & 0o7777).toString(8), uid }).toEqual({ round, mode: '600', uid: 0 })
      }
    },
  )

  /** No device, so that the next container makes one, which can be exchanged from then on: one that is there keeps its mode. */
  function missing(node: string, link: string, victim: string): void {
    rmSync(node, { force: true })
    rmSync(link, { force: true })
    rmSync(node, { force: true })
    symlinkSync(victim, link)
  }

  test.skipIf(!compiler)(
    '/proc of a shared root file system is renamed: the container that runs has no writable /proc/sys',
    { timeout: timeout(25) },
    async () => {
      const files = ['sys/kernel/core_pattern', 'irq/default_smp_affinity', 'bus/pci/devices', 'tty/drivers']
      const bundle = makeBundle((config, rootfs) => {
        const tops = files.map(file => file.split('/')[0]!)
        for (const name of tops) mkdirSync(join(rootfs, 'proc2', name), { recursive: true })
        config.linux.readonlyPaths = tops.map(name => `/proc/${name}`)
        const look = `for file in ${files.join(' ')}; do (: >> $file) 2>/dev/null && echo WRITABLE; done`
        const both = `for p in /proc /proc2; do cd $p && test -e self/mountinfo && ${look}; done; true`
        config.process.args = ['sh', '-c', both]
      })
      await exchange(join(bundle.rootfs, 'proc'), join(bundle.rootfs, 'proc2'), 300)
      for (let round = 0; round < times(25); round += 1) expect(start(bundle).stdout).not.toContain('WRITABLE')
    },
  )

  test.skipIf(!compiler)(
    '/sys of a shared root file system is renamed: what is masked in it stays so',
    { timeout: timeout(25) },
    async () => {
      const bundle = makeBundle((config, rootfs) => {
        mkdirSync(join(rootfs, 'sys2/kernel'), { recursive: true })
        config.linux.maskedPaths = ['/sys/kernel']
        config.process.args = ['sh', '-c', 'ls /sys/kernel /sys2/kernel | grep -q mm && echo SEEN; true']
      })
      await exchange(join(bundle.rootfs, 'sys'), join(bundle.rootfs, 'sys2'), 300)
      for (let round = 0; round < times(25); round += 1) expect(start(bundle).stdout).not.toContain('SEEN')
    },
  )

  test.skipIf(!compiler)(
    'the mount point of a volume is renamed: what is masked in the volume stays so',
    { timeout: timeout(25) },
    async () => {
      const volume = makeDirectory()
      writeFileSync(join(volume, 'secret'), 'SECRET')
      const bundle = makeBundle((config, rootfs) => {
        for (const name of ['data', 'data2']) mkdirSync(join(rootfs, name))
        writeFileSync(join(rootfs, 'data2/secret'), '')
        writeFileSync(join(rootfs, 'data/secret'), '')
        config.mounts.push({ destination: '/data', type: 'bind', source: volume, options: ['bind'] })
        config.linux.maskedPaths = ['/data/secret']
        config.process.args = ['sh', '-c', 'cat /data/secret /data2/secret']
      })
      await exchange(join(bundle.rootfs, 'data'), join(bundle.rootfs, 'data2'), 300)
      for (let round = 0; round < times(25); round += 1) expect(start(bundle).stdout).not.toContain('SECRET')
    },
  )

  test.skipIf(!compiler || !isTsrun)(
    'a source below the root, exchanged for a link to the host, gives nothing of the host (peers: it does)',
    { timeout: timeout(25) },
    async () => {
      const host = makeDirectory()
      mkdirSync(join(host, 'below'))
      writeFileSync(join(host, 'below/secret'), 'SECRET')
      const bundle = makeBundle((config, rootfs) => {
        for (const name of ['mnt', 'data/below']) mkdirSync(join(rootfs, name), { recursive: true })
        symlinkSync(host, join(rootfs, 'link'))
        const source = join(rootfs, 'data/below')
        config.mounts.push({ destination: '/mnt', type: 'bind', source, options: ['rbind', 'rw'] })
        config.process.args = ['sh', '-c', 'cat /mnt/secret; true']
      })
      await exchange(join(bundle.rootfs, 'data'), join(bundle.rootfs, 'link'), 300)
      let ran = 0
      // Most are refused: until one of them has run, at least.
      for (let round = 0; round < times(25) || (ran === 0 && round < 200); round += 1) {
        const { status, stdout } = start(bundle)
        expect(stdout).not.toContain('SECRET')
        ran += status === 0 ? 1 : 0
      }
      expect(ran).toBeGreaterThan(0)
    },
  )

  test.skipIf(!compiler)(
    'a root path that is exchanged for a link to the directory of the hooks runs no hook of the image',
    { timeout: timeout(40) },
    async () => {
      const [theirs, hooks, marks] = [makeDirectory(0o777), makeDirectory(), makeDirectory()]
      const hook = join(hooks, 'hook')
      const won = join(marks, 'won')
      writeFileSync(hook, '#!/bin/sh\nexit 0\n')
      chmodSync(hook, 0o755)
      const bundle = makeBundle(config => {
        config.root.path = join(theirs, 'root')
        config.hooks = { createContainer: [{ path: hook }] }
        config.process.args = ['true']
      })
      renameSync(bundle.rootfs, join(theirs, 'root'))
      chownSync(theirs, 65534, 65534)
      writeFileSync(join(theirs, 'root/hook'), `#!/bin/sh\n: > ${won}\n`)
      chmodSync(join(theirs, 'root/hook'), 0o755)
      symlinkSync(hooks, join(theirs, 'link'))
      await exchange(join(theirs, 'root'), join(theirs, 'link'))
      for (let round = 0; round < times(40); round += 1) {
        start(bundle)
        expect({ round, won: existsSync(won) }).toEqual({ round, won: false })
      }
    },
  )

  test.skipIf(!compiler)(
    'what is copied into a tmpfs is exchanged for a link: nothing of the host is copied, and no fifo is waited for',
    { timeout: timeout(25) },
    async () => {
      const secrets = makeDirectory()
      writeFileSync(join(secrets, 'file'), 'SECRET')
      const bundle = makeBundle((config, rootfs) => {
        mkdirSync(join(rootfs, 'copied/entry'), { recursive: true })
        writeFileSync(join(rootfs, 'copied/entry/file'), 'public')
        writeFileSync(join(rootfs, 'copied/name'), 'public')
        symlinkSync(secrets, join(rootfs, 'copied/link'))
        must(['mkfifo', join(rootfs, 'copied/fifo')])
        config.mounts.push({ destination: '/copied', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] })
        config.process.args = ['sh', '-c', 'cat /copied/*/file']
      })
      const at = (name: string) => join(bundle.rootfs, 'copied', name)
      await exchange(at('entry'), at('link'))
      await exchange(at('name'), at('fifo'))
      for (let round = 0; round < times(25); round += 1) {
        const result = start(bundle)
        expect(result.signal).toBe(null)
        expect(result.stdout).not.toContain('SECRET')
      }
    },
  )

  test.skipIf(!compiler)(
    'targets of mounts and devices that are exchanged for links make and change nothing on the host',
    { timeout: timeout(25) },
    async () => {
      const [volume, victim] = [makeDirectory(0o777), makeDirectory()]
      writeFileSync(join(victim, 'file'), 'untouched')
      const [file, directory] = [join(makeDirectory(), 'f'), makeDirectory()]
      writeFileSync(file, 'bound')
      for (const name of ['d', 'real']) mkdirSync(join(volume, name))
      writeFileSync(join(volume, 'f'), '')
      for (const name of ['d-link', 'real-link']) symlinkSync(victim, join(volume, name))
      symlinkSync(join(victim, 'new'), join(volume, 'f-link'))
      const before = statSync(join(victim, 'file'))
      const bundle = makeBundle(config => {
        const bind = (source: string, destination: string) => ({ destination, type: 'bind', source, options: ['bind'] })
        config.mounts.push(
          { destination: '/v', type: 'bind', source: volume, options: ['rbind', 'rw'] },
          bind(file, '/v/f'),
          bind(directory, '/v/d'),
          bind(file, '/v/d/made'),
          { destination: '/v/real/deep/er', type: 'tmpfs', source: 'tmpfs' },
        )
        config.linux.devices = [
          { path: '/v/real/node', type: 'c', major: 1, minor: 3, fileMode: 0o622, uid: 5, gid: 5 },
          { path: '/v/real/fifo', type: 'p', fileMode: 0o666 },
        ]
        config.process.cwd = '/v/real/work'
        config.process.args = ['true']
      })
      for (const name of ['f', 'd', 'real']) await exchange(join(volume, name), join(volume, `${name}-link`))
      for (let round = 0; round < times(25); round += 1) start(bundle)
      const after = statSync(join(victim, 'file'))
      expect(readdirSync(victim)).toEqual(['file'])
      expect([after.mode, after.uid, after.ctimeMs]).toEqual([before.mode, before.uid, before.ctimeMs])
    },
  )
})

// What has to work although it looks like that.

test('a later mount at /proc or /sys is the one that counts', () => {
  const output = inside(
    'grep -c " /proc " /proc/mounts; grep -c " /sys " /proc/mounts; touch /proc/sys/kernel/core_pattern 2>&1 || true',
    config => {
      const again = config.mounts.filter(({ destination }) => destination === '/proc')
      config.mounts.push(...again, { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'ro'] })
      config.linux.readonlyPaths = ['/proc/sys']
    },
  )
  expect(output).toBe('2\n2\ntouch: /proc/sys/kernel/core_pattern: Read-only file system')
})

test('what covers a volume is what paths in it are masked in', () => {
  const [first, second] = [makeDirectory(), makeDirectory()]
  mkdirSync(join(first, 'deep'))
  writeFileSync(join(first, 'deep/secret'), 'SECRET')
  cpSync(first, second, { recursive: true })
  const output = inside('cat /data/deep/secret', config => {
    const bind = (source: string, destination: string) => ({ destination, type: 'bind', source, options: ['bind'] })
    config.mounts.push(bind(first, '/data'), bind(join(first, 'deep'), '/data/deep'), bind(second, '/data'))
    config.linux.maskedPaths = ['/data/deep/secret']
  })
  expect(output).toBe('')
})

test.skipIf(!isTsrun)('a hook that mounts over /proc is told so', () => {
  const hook = join(makeDirectory(), 'hook')
  const bundle = makeBundle((config, rootfs) => {
    writeFileSync(hook, `#!/bin/sh\nexec /bin/mount -t proc proc ${rootfs}/proc\n`)
    chmodSync(hook, 0o755)
    config.hooks = { createContainer: [{ path: hook }] }
  })
  expect(runBundle(bundle).stderr).toContain('what was mounted at `/proc` is not there any more')
})
