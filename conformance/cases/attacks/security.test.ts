// Attacks that have worked on runtimes, attempted: the configuration is trusted, the root file system is not. A runtime
// may refuse or may keep the effect inside; what counts is that the host stays as it is.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { command, create, inside, oci, removeLater, runBundle } from '../../lib/container.ts'
import { have } from '../../lib/machine.ts'
import { launch, run } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** A host directory that an attack aims at. */
function victim(): string {
  const directory = makeDirectory(0o777)
  writeFileSync(join(directory, 'file'), 'untouched\n')
  return directory
}

function expectUntouched(directory: string): void {
  expect(readdirSync(directory)).toEqual(['file'])
  expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('untouched\n')
}

/** Ways to point from the image at a place of the host. */
const POINTERS: [how: string, target: (place: string) => string][] = [
  ['an absolute link', place => place],
  ['a link that climbs', place => `../../../../../../../..${place}`],
  ['a link through /proc/1/root', place => `/proc/1/root${place}`],
  ['a link through /proc/self/cwd', place => `/proc/self/cwd/../../../..${place}`],
]

test.each(POINTERS)('a bind target behind %s leaves the host alone (CVE-2019-18837, CVE-2021-30465)', (_, target) => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(target(place), join(rootfs, 'link'))
    config.mounts.push({ destination: '/link/new', type: 'bind', source: '/etc/hostname', options: ['bind'] })
    config.mounts.push({ destination: '/link/deep/er', type: 'tmpfs', source: 'tmpfs' })
  })
  runBundle(bundle)
  expectUntouched(place)
})

test.each(POINTERS)('a /dev that is %s gets no nodes on the host (CVE-2026-41579, CVE-2026-47766)', (_, target) => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    rmdirSync(join(rootfs, 'dev'))
    symlinkSync(target(place), join(rootfs, 'dev'))
    config.mounts = config.mounts.filter(mount => !mount.destination.startsWith('/dev'))
    config.linux.devices = [{ type: 'c', path: '/dev/mine', major: 1, minor: 3 }]
  })
  runBundle(bundle)
  expectUntouched(place)
})

test.each(POINTERS)('a device below %s is not made on the host', (_, target) => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(target(place), join(rootfs, 'link'))
    config.linux.devices = [{ type: 'c', path: '/link/sub/mine', major: 1, minor: 3 }]
  })
  runBundle(bundle)
  expectUntouched(place)
})

test.each(POINTERS)('a cwd behind %s is not made on the host (CVE-2024-45310)', (_, target) => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(target(place), join(rootfs, 'link'))
    config.process.cwd = '/link/new/cwd'
  })
  runBundle(bundle)
  expectUntouched(place)
})

test.each(POINTERS)('a masked path behind %s masks nothing of the host', (_, target) => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(target(place), join(rootfs, 'link'))
    config.linux.maskedPaths = ['/link/file']
    config.linux.readonlyPaths = ['/link']
  })
  runBundle(bundle)
  expectUntouched(place)
  writeFileSync(join(place, 'file'), 'untouched\n')
})

test.each(['proc', 'sys'])('a /%s that is a link to a directory of the image is refused (CVE-2019-19921)', name => {
  const bundle = makeBundle((config, rootfs) => {
    rmdirSync(join(rootfs, name))
    mkdirSync(join(rootfs, 'fake/self/attr'), { recursive: true })
    symlinkSync('fake', join(rootfs, name))
    config.process.args = ['sh', '-c', `test -L /${name} && echo linked`]
  })
  const result = runBundle(bundle)
  if (!isCrun) expect(result.status).not.toBe(0)
  if (isTsrun) expect(result.stderr).toContain(`/${name}`)
})

test('a /proc given by a volume is refused (CVE-2019-16884)', () => {
  const fake = makeDirectory()
  mkdirSync(join(fake, 'self/attr'), { recursive: true })
  for (const destination of ['/proc', '/proc/self', '/proc/sys', '/proc/self/attr']) {
    const bundle = makeBundle(config =>
      config.mounts.push({ destination, type: 'bind', source: fake, options: ['bind'] }),
    )
    const { status } = runBundle(bundle)
    if (!isCrun)
      expect({ destination, status: status === 0 ? 'taken' : 'refused' }).toEqual({ destination, status: 'refused' })
  }
})

test('a file of /proc that callers do mount over is taken', () => {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'meminfo'), 'MemTotal: 1 kB\n')
  const output = inside('cat /proc/meminfo', config => {
    config.mounts.push({
      destination: '/proc/meminfo',
      type: 'bind',
      source: `${directory}/meminfo`,
      options: ['bind'],
    })
  })
  expect(output).toBe('MemTotal: 1 kB')
})

test.each(Array.from({ length: 60 }, (_, i) => [`/proc/self/fd/${i + 3}`]))(
  'a cwd of %s does not lead to the host (CVE-2024-21626)',
  cwd => {
    const bundle = makeBundle(config => {
      config.process.cwd = String(cwd)
      config.process.args = [
        'sh',
        '-c',
        'test -e ../../../etc/debian_version && echo escaped; ls ../../.. | grep -c work',
      ]
    })
    const { stdout } = runBundle(bundle)
    expect(stdout).not.toContain('escaped')
  },
)

test('a cwd of /proc/self/cwd and the like does not lead to the host', () => {
  for (const cwd of ['/proc/self/cwd', '/proc/self/root/../..', '/proc/1/cwd', '/proc/1/root/work']) {
    const bundle = makeBundle(config => {
      config.process.cwd = cwd
      config.process.args = ['sh', '-c', 'test -e ./etc/debian_version && echo escaped; echo']
    })
    expect(runBundle(bundle).stdout).not.toContain('escaped')
  }
})

test('a masked file is covered by the real null device, whatever /dev/null of the image is (CVE-2025-31133)', () => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    // A volume with a link for /dev: the image decides what /dev/null is.
    writeFileSync(join(rootfs, 'etc/secret'), 'secret')
    const dev = join(rootfs, 'fakedev')
    mkdirSync(dev)
    symlinkSync(join(place, 'file'), join(dev, 'null'))
    config.mounts = config.mounts.filter(mount => !mount.destination.startsWith('/dev'))
    config.mounts.push({ destination: '/dev', type: 'bind', source: dev, options: ['bind'] })
    config.linux.maskedPaths = ['/etc/secret', '/proc/timer_list']
    config.process.args = [
      'sh',
      '-c',
      '(echo attack > /etc/secret) 2>/dev/null; (echo attack > /proc/timer_list) 2>/dev/null; cat /etc/secret',
    ]
  })
  const { stdout } = runBundle(bundle)
  expect(stdout).not.toContain('untouched')
  expect(stdout).not.toContain('secret')
  expect(readFileSync(join(place, 'file'), 'utf8')).toBe('untouched\n')
})

test.skipIf(isCrun)('closed streams are not opened at what /dev/null of the image leads to (CVE-2026-88265)', () => {
  const bundle = makeBundle(config => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
    config.process.user = { uid: 1000, gid: 1000 }
    config.process.args = ['sh', '-c', 'echo attack; echo attack >&2']
  })
  const file = join(bundle.directory, 'rootfs/victim')
  writeFileSync(file, 'data')
  mkdirSync(join(bundle.directory, 'rootfs/dev'), { recursive: true })
  rmSync(join(bundle.directory, 'rootfs/dev/null'), { force: true })
  symlinkSync('/victim', join(bundle.directory, 'rootfs/dev/null'))
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  run(['sh', '-c', `exec ${words.join(' ')} <&- >&- 2>&-`])
  expect(readFileSync(file, 'utf8')).toBe('data')
  expect(statSync(file).uid).toBe(0)
})

test('standard streams of the image do not lead outside: /dev/stdin and friends are links inside', () => {
  const place = victim()
  const bundle = makeBundle((config, rootfs) => {
    for (const name of ['fd', 'stdin', 'stdout', 'stderr', 'ptmx', 'null'])
      symlinkSync(join(place, name), join(rootfs, 'dev', name))
    config.mounts = config.mounts.filter(mount => !mount.destination.startsWith('/dev'))
  })
  runBundle(bundle)
  expectUntouched(place)
})

test('sysctl is written to the real procfs, not to one of the image (CVE-2025-52881)', () => {
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
  const bundle = makeBundle((config, rootfs) => {
    mkdirSync(join(rootfs, 'elsewhere'))
    config.mounts.push({ destination: '/proc/sys', type: 'tmpfs', source: 'tmpfs' })
    config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
  })
  runBundle(bundle)
  expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before)
  expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8')).toMatch(/^[01]\n$/)
})

test.skipIf(!have('python3'))(
  'directories swapped for links while mounts are made lead nowhere (CVE-2021-30465, CVE-2024-45310)',
  async () => {
    const place = victim()
    const shared = makeDirectory(0o777)
    mkdirSync(join(shared, 'real'))
    symlinkSync(place, join(shared, 'fake'))
    // In one step, so that there is always one of them: what the runtime makes in a gap would end the game.
    const exchange = `import ctypes, os
os.chdir(${JSON.stringify(shared)})
rename = ctypes.CDLL(None).renameat2
print('ready', flush=True)
while True: rename(-100, b'real', -100, b'fake', 2)`
    const swapper = launch(['python3', '-c', exchange], { timeout: 60_000 })
    await swapper.speaks
    const end = Date.now() + 4000
    try {
      for (let round = 0; round < 8 || Date.now() < end; round += 1) {
        const bundle = makeBundle(config => {
          config.mounts.push({ destination: '/volume', type: 'bind', source: shared, options: ['rbind'] })
          for (let at = 0; at < 10; at += 1) {
            config.mounts.push({ destination: `/volume/real/made${at}/deep`, type: 'tmpfs', source: 'tmpfs' })
          }
        })
        await launch([
          'sh',
          '-c',
          'exec "$@" </dev/null',
          'sh',
          ...command('run', '--bundle', bundle.directory, removeLater(fresh())),
        ]).done
      }
    } finally {
      swapper.child.kill('SIGKILL')
      await swapper.done
    }
    expectUntouched(place)
  },
)

test('the program can not reach the file the runtime was started from (CVE-2019-5736)', () => {
  const container = create(['sleep', '30'])
  const output = inside('for f in /proc/[0-9]*/exe; do readlink $f; done')
  expect(output.split('\n').filter(path => /tsrun|node|runc|crun/.test(path))).toEqual([])
  container.remove()
})

test('an id is not a path', () => {
  const { status, stdout } = oci(['state', '../../../../../../../../etc'])
  expect({ status: status === 0, stdout }).toEqual({ status: false, stdout: '' })
})

test.each(['../escape', '..', 'a/../../b'])('the id `%s` removes nothing', id => {
  const place = victim()
  oci(['delete', '--force', id])
  oci(['kill', id, 'KILL'])
  expectUntouched(place)
  expect(existsSync('/etc/passwd')).toBe(true)
})

// A directory of the test's own: crun 1.8 does remove it, with all that is in it.
test('an absolute path as an id removes nothing', () => {
  const place = victim()
  oci(['delete', '--force', place])
  expectUntouched(place)
})

test('a key that would become a prototype is refused', () => {
  const bundle = makeBundle()
  const text = JSON.stringify(bundle.config).replace(
    '"hostname":',
    '"__proto__":{"hooks":{"createRuntime":[{"path":"/bin/false"}]}},"hostname":',
  )
  writeFileSync(join(bundle.directory, 'config.json'), text)
  bundle.config.process.args = ['true']
  const { status } = runBundle(bundle)
  if (isTsrun) expect(status).toBe(1)
})
