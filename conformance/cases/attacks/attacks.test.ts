// Attacks that have worked on runtimes, attempted: those of docs/security.md that are about no topic with a file of its
// own. Where Debian's old runc or crun is known to fall for one, the attack has to succeed there: so a case is shown to be
// able to fail.

import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { openConsole, withConsole } from '../../lib/console.ts'
import {
  oci as call,
  create,
  createRunning,
  inside,
  removeLater,
  runBundle,
  runScript,
  stateOf,
  tryCreate,
} from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { cgroup2Mount, field, have } from '../../lib/machine.ts'
import { overwriter } from '../../lib/overwriter.ts'
import { must, run } from '../../lib/run.ts'
import { isTsrun, type Kind, olderThan, runtime } from '../../lib/runtime.ts'
import { fresh, sceneDirectory, stateRoot, tag } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { inPureV2 } from '../../lib/views.ts'

leavesNothing()

const compiler = have('cc')
if (compiler) withConsole()

/** A test whose attack succeeds on older ones than this version. */
const fixedIn = (kind: Kind, major: number, minor: number) => (olderThan(kind, major, minor) ? test.fails : test)
const fixedInRunc12 = fixedIn('runc', 1, 2)
const fixedInCrun128 = fixedIn('crun', 1, 28)

/** What an attack writes, and a file of the kernel that belongs to the container's UTS namespace only. */
const MARK = 'attacked'
const DOMAIN = '/proc/sys/kernel/domainname'

/** A directory for /dev with nodes and what an attack puts there. */
function fakeDev(): string {
  const dev = makeDirectory()
  for (const [name, minor] of [
    ['zero', '5'],
    ['full', '7'],
    ['random', '8'],
    ['urandom', '9'],
  ] as const)
    must(['mknod', '-m', '666', join(dev, name), 'c', '1', minor])
  for (const name of ['shm', 'mqueue']) mkdirSync(join(dev, name))
  return dev
}

fixedInRunc12('a masked file does not become what /dev/null is a link to (CVE-2025-31133)', () => {
  const dev = fakeDev()
  symlinkSync('/proc/version', join(dev, 'null'))
  const { stdout } = runScript('cat /proc/timer_list', config => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
    config.mounts.push({ destination: '/dev', type: 'bind', source: dev, options: ['rbind', 'rw'] })
    config.linux.maskedPaths = ['/proc/timer_list']
  })
  expect(stdout).not.toContain('Linux version')
})

test.skipIf(!compiler)('a terminal whose path is a link is not bound to the console (CVE-2025-52565)', () => {
  const dev = fakeDev()
  must(['mknod', '-m', '666', join(dev, 'null'), 'c', '1', '3'])
  symlinkSync('/true/ptmx', join(dev, 'ptmx'))
  mkdirSync(join(dev, 'pts'))
  for (let number = 0; number < 4; number += 1) symlinkSync(DOMAIN, join(dev, `pts/${number}`))
  const terminal = openConsole()
  const container = tryCreate(
    makeBundle((config, rootfs) => {
      mkdirSync(join(rootfs, 'true'))
      const pts = config.mounts.find(({ destination }) => destination === '/dev/pts')!
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
      config.mounts.push({ ...pts, destination: '/true' })
      config.mounts.push({ destination: '/dev', type: 'bind', source: dev, options: ['rbind', 'rw'] })
      config.process.terminal = true
      config.linux.readonlyPaths = []
      config.process.args = ['sh', '-c', `(echo ${MARK} > /dev/console) 2>&-; cat ${DOMAIN} > /seen`]
    }),
    ['--console-socket', terminal.socket],
  )
  // To refuse it is as good.
  if (container.created.status !== 0) return
  if (container.start().status === 0) container.until('stopped')
  const seen = join(container.bundle.rootfs, 'seen')
  expect(existsSync(seen) ? readFileSync(seen, 'utf8') : '').not.toContain(MARK)
})

fixedInRunc12('a sysctl reaches the kernel, whatever lies over /proc/sys by then (CVE-2025-52881)', () => {
  const KEY = 'net/ipv4/ip_forward'
  const directory = makeDirectory()
  const fake = join(directory, 'fake')
  const hook = join(directory, 'hook')
  writeFileSync(fake, '0\n')
  const container = create(['sleep', '60'], (config, rootfs) => {
    // In the place of somebody with a shared mount who wins a race: the hook is in the container's mount namespace.
    writeFileSync(hook, `#!/bin/sh\nexec /bin/mount --bind ${fake} ${rootfs}/proc/sys/${KEY}\n`)
    chmodSync(hook, 0o755)
    config.hooks = { createContainer: [{ path: hook }] }
    config.linux.sysctl = { [KEY.replaceAll('/', '.')]: '1' }
    config.linux.readonlyPaths = []
  })
  expect(readFileSync(fake, 'utf8')).toBe('0\n')
  const { pid } = container.state()
  const seen = must(['nsenter', '--target', String(pid), '--net', 'cat', `/proc/sys/${KEY}`])
  expect(seen).toBe('1\n')
})

test('the annotation of another handler makes no file behind a link of the image (CVE-2025-24965)', () => {
  const place = makeDirectory(0o777)
  const bundle = makeBundle((config, rootfs) => {
    symlinkSync(join(place, 'made'), join(rootfs, '.krun_config.json'))
    config.annotations = { 'run.oci.handler': 'krun' }
  })
  runBundle(bundle)
  expect(readdirSync(place)).toEqual([])
})

/** What a lenient parser takes for 0, or for another number. */
const NO_USERS = ['foo', '0x3e8', '-1', '4294967296', ' 0', '0+']

test.skipIf(!isTsrun).each(NO_USERS)('exec as the user `%s` runs nothing (CVE-2026-30892; tsrun only)', user => {
  const container = createRunning()
  expect(exec(container, ['id', '-u'], [`--user=${user}`]).stdout).toBe('')
})

test('capabilities that the caller can hand on get into no set of the container (CVE-2022-29162, CVE-2022-27650)', () => {
  const container = createRunning(config => {
    config.process.user = { uid: 1000, gid: 1000 }
  })
  const sets = (text: string) => ['CapInh', 'CapAmb'].map(name => field(text, name))
  const none = ['0000000000000000', '0000000000000000']
  const status = ['cat', '/proc/self/status']
  expect(sets(exec(container, status).stdout)).toEqual(none)
  expect(sets(exec(container, status, ['--cap', 'CAP_NET_RAW']).stdout)).toEqual(none)
  expect(sets(inside('cat /proc/self/status'))).toEqual(none)
  const bundle = makeBundle(config => {
    config.process.args = status
  })
  const words = [runtime.path, '--root', stateRoot, 'run', '--bundle', bundle.directory, removeLater(fresh())]
  const { stdout } = run(['setpriv', '--inh-caps', '+chown,+kill,+net_raw', ...words])
  expect(sets(stdout)).toEqual(none)
})

/** More than 16 bits can count, in the message to the process that sets the container up. */
test.each([65_536, 65_536 + 40, 131_072 - 1])('an argument of %d bytes arrives whole (CVE-2021-43784)', length => {
  const text = 'x'.repeat(length - 1)
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'echo $#.$' + '{#1}.$' + '{#LONG}.$(id -u)', 'sh', text]
    config.process.env.push(`LONG=${text.slice(10)}`)
    config.process.user = { uid: 1000, gid: 1000 }
  })
  const { stdout, stderr } = runBundle(bundle)
  expect({ stdout, stderr }).toEqual({ stdout: `1.${length - 1}.${length - 11}.1000\n`, stderr: '' })
})

test('a path of a namespace that wraps around at 16 bits is another one, and refused (CVE-2021-43784)', () => {
  const real = '/proc/self/ns/net'
  const path = `${real.padEnd(65_536, '/')}${real}`
  const container = tryCreate(
    makeBundle(config => {
      config.linux.namespaces = [
        ...config.linux.namespaces.filter(({ type }) => type !== 'network'),
        { type: 'network', path },
      ]
    }),
  )
  expect(container.created.status).not.toBe(0)
})

test.skipIf(cgroup2Mount() === undefined)(
  'in a user namespace without a cgroup namespace the tree of the host can not be written (CVE-2023-25809)',
  () => {
    const UID = 64_321
    const bundle = makeBundle((config, rootfs) => {
      const own = [{ containerID: 0, hostID: UID, size: 1 }]
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
      config.linux.namespaces.push({ type: 'user' })
      config.linux.uidMappings = own
      config.linux.gidMappings = own
      delete config.linux.resources
      mkdirSync(join(rootfs, 'sys/fs/cgroup'), { recursive: true })
      config.mounts = config.mounts.filter(({ destination }) => destination === '/proc' || destination === '/dev')
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] })
      config.process.args = ['sh', '-c', 'grep " /sys/fs/cgroup " /proc/self/mountinfo']
    })
    const root = join(bundle.directory, 'state')
    mkdirSync(root)
    must(['chown', '-hR', `${UID}:${UID}`, bundle.directory])
    const words = [runtime.path, '--root', root, 'run', '--bundle', bundle.directory, fresh()]
    const user = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups']
    const { status, stdout } = run(inPureV2([...user, ...words]))
    // To refuse such a mount is as good.
    if (isTsrun) expect(status).toBe(0)
    for (const line of stdout.trim().split('\n').filter(Boolean)) expect(line.split(' ')[5]!.split(',')).toContain('ro')
  },
)

test('the executable of a runtime that joins the container can not be written (CVE-2019-5736)', () => {
  const digest = () => createHash('sha256').update(readFileSync(runtime.path)).digest('hex')
  const before = digest()
  const container = createRunning(config => {
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE')
  }, overwriter(MARK))
  for (let round = 0; round < 60 && !container.output().includes('held'); round += 1) exec(container, ['true'])
  for (let round = 0; round < 10; round += 1) exec(container, ['true'])
  if (isTsrun) expect(container.output()).toContain('held')
  expect(container.output()).not.toContain('written')
  expect(digest()).toBe(before)
})

fixedInCrun128('an id that begins with a dot leads nowhere (crun 1.28)', () => {
  // Beside the directory of containers: what would be removed of one of this name.
  const files = ['state.json', 'config.json', 'status'].map(name => join(sceneDirectory, name))
  for (const file of files) writeFileSync(file, '')
  mkdirSync(stateRoot, { recursive: true })
  try {
    call(['delete', '--force', '..'])
    expect(files.filter(file => !existsSync(file))).toEqual([])
  } finally {
    for (const file of files) rmSync(file, { force: true })
    mkdirSync(stateRoot, { recursive: true }) // the other tests go on
  }
})

test('a cgroup of an annotation does not lead out of that of the container (crun 1.28)', () => {
  const name = `escaped-${tag}`
  const bundle = makeBundle(config => {
    config.annotations = { 'run.oci.delegate-cgroup': `../${name}`, 'run.oci.systemd.subgroup': `../${name}` }
  })
  const container = tryCreate(bundle)
  const tree = cgroup2Mount()
  if (tree) expect(readdirSync(tree)).not.toContain(name)
  if (container.created.status === 0) expect(stateOf(container.id).status).toBe('created')
})
