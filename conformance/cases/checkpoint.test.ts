// `checkpoint` and `restore`: what a container had in memory, in its mounts and on its connections goes on.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../lib/bundle.ts'
import type { Config } from '../lib/config.ts'
import { openConsole, withConsole } from '../lib/console.ts'
import { type Change, command, oci, removeLater, stateOf } from '../lib/container.ts'
import { criu, criuMajor, servesPages, tracksMemory, whyNot } from '../lib/criu.ts'
import { recordCriu } from '../lib/criuRecorder.ts'
import { expectOneSentence } from '../lib/expect.ts'
import { have, hostMounts, isAlive, isPureV2 } from '../lib/machine.ts'
import { IMAGE, openPodman, type Podman } from '../lib/podman.ts'
import { eventually, launch, must, type Result, run, sleep } from '../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../lib/runtime.ts'
import { fresh, later } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'

leavesNothing()
const compiler = have('cc')
if (compiler) withConsole()

/** CRIU works, and these hold as well. */
const when = (...conditions: boolean[]) => test.skipIf(whyNot !== undefined || !conditions.every(Boolean))
const it = when()

/** Counts in a file; the number before a restart would be 1 again. */
const COUNT = 'n=0; while :; do n=$((n+1)); echo $n > /count.new; mv /count.new /count; sleep 0.02; done'

/** A call that hands the null device on, and what it says of its own. */
function quietly(words: readonly string[]): Result {
  return run(['sh', '-c', 'exec "$@" > /dev/null', 'sh', ...command(...words)])
}

interface Scene {
  id: string
  bundle: Bundle
  images: string
}

/** A container that runs a shell script, with the null device for its streams. */
function running(script = COUNT, change: Change = () => {}): Scene {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['sh', '-c', script]
    change(config, rootfs)
  })
  const id = removeLater(fresh())
  must(['sh', '-c', 'exec "$@" > /dev/null 2>&1', 'sh', ...command('run', '-d', '--bundle', bundle.directory, id)])
  return { id, bundle, images: join(makeDirectory(), 'images') }
}

const count = ({ bundle }: Scene) =>
  existsSync(join(bundle.rootfs, 'count')) ? Number(readFileSync(join(bundle.rootfs, 'count'), 'utf8')) : 0

function counts(scene: Scene, beyond = 3): number {
  return eventually(`more than ${beyond}`, () => (count(scene) > beyond ? count(scene) : undefined))
}

function checkpoint({ id, images }: Scene, ...flags: string[]): Result {
  return oci(['checkpoint', '--image-path', images, ...flags, id])
}

function mustCheckpoint(scene: Scene, ...flags: string[]): void {
  const { status, stderr } = checkpoint(scene, ...flags)
  if (status !== 0) throw new Error(`checkpoint: ${stderr}${logOf(scene, 'dump.log')}`)
}

function logOf({ images }: Scene, file: string): string {
  const path = join(images, file)
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  return lines.filter(line => /Error|Warn/.test(line)).join('\n')
}

/** `restore --detach` under a new name, which it returns. */
function restore(scene: Scene, ...flags: string[]): string {
  // The peers have CRIU make the first container's cgroup again, and nobody removes it.
  if (!isTsrun) later(() => run(['rmdir', `/sys/fs/cgroup/${scene.id}`]))
  const id = removeLater(fresh())
  const words = ['restore', '--detach', '--image-path', scene.images, '--bundle', scene.bundle.directory, ...flags, id]
  const script = 'exec "$@" > /dev/null 2> "$0"'
  const errors = join(makeDirectory(), 'errors')
  const { status } = run(['sh', '-c', script, errors, ...command(...words)])
  if (status === 0) return id
  throw new Error(`restore: ${readFileSync(errors, 'utf8')}${logOf(scene, 'restore.log')}`)
}

it('processes go on where they were, and the first container is gone', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const last = count(scene)
  expect(oci(['state', scene.id]).stderr).toContain('does not exist')
  sleep(100)
  expect(count(scene)).toBe(last)

  const pidFile = join(makeDirectory(), 'pid')
  const id = restore(scene, '--pid-file', pidFile)
  expect(counts(scene, last + 2)).toBeGreaterThan(last)
  const { status, pid } = stateOf(id)
  expect(status).toBe('running')
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(pid))
  expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(id)
  if (isCrun) return // exec of 1.8 enters a container that has a time namespace with an error
  expect(oci(['exec', id, 'hostname']).stdout).toBe('inside\n')
  expect(oci(['exec', id, 'sh', '-c', 'mount | grep -c " /proc/keys "; ls /dev/null']).stdout).toBe('1\n/dev/null\n')
})

it('a restored container can be paused, killed, deleted, and made a checkpoint of again', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const id = restore(scene)
  counts(scene, count(scene))
  expect(oci(['pause', id]).status).toBe(0)
  expect(stateOf(id).status).toBe('paused')
  expect(oci(['resume', id]).status).toBe(0)
  const again = { ...scene, id, images: join(makeDirectory(), 'images') }
  mustCheckpoint(again)
  const last = count(scene)
  const third = restore(again)
  counts(scene, last)
  const { pid } = stateOf(third)
  expect(oci(['kill', third, 'KILL']).status).toBe(0)
  eventually('its end', () => !isAlive(pid!))
  expect(oci(['delete', third]).status).toBe(0)
})

it('with --leave-running it goes on', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene, '--leave-running')
  const last = count(scene)
  counts(scene, last + 2)
  expect(stateOf(scene.id).status).toBe('running')
  oci(['delete', '--force', scene.id])
  const later = count(scene)
  restore(scene)
  eventually('the number of then', () => count(scene) < later || count(scene) > later + 2)
})

it('in the foreground, restore waits, gives the exit code, and deletes the container', async () => {
  const scene = running('while [ ! -e /go ]; do sleep 0.02; done; exit 7')
  mustCheckpoint(scene)
  const id = removeLater(fresh())
  const words = ['restore', '--image-path', scene.images, '--bundle', scene.bundle.directory, id]
  const { done } = launch(['sh', '-c', 'exec "$@" </dev/null >/dev/null', 'sh', ...command(...words)])
  eventually('the container', () => oci(['state', id]).status === 0)
  writeFileSync(join(scene.bundle.rootfs, 'go'), '')
  expect(await done).toMatchObject({ status: 7, signal: null })
  expect(oci(['state', id]).status).not.toBe(0)
})

/** Writes lines with numbers. */
const LINES = 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done'

/** The runtime with a pipe for its output, whose other end is read into `file`; `null` and pipes of Node.js are others. */
function throughPipe(file: string, words: readonly string[]): string[] {
  return ['sh', '-c', '"$@" </dev/null 2>/dev/null | cat > "$0"', file, ...command(...words)]
}

it('what it writes to a pipe comes out of the new one', async () => {
  const directory = makeDirectory()
  const [one, two] = [join(directory, 'one'), join(directory, 'two')]
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', LINES]
  })
  const scene = { id: removeLater(fresh()), bundle, images: join(makeDirectory(), 'images') }
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const first = launch(throughPipe(one, ['run', '--bundle', bundle.directory, scene.id]))
  eventually('some lines', () => read(one).includes('line 3\n'))
  mustCheckpoint(scene)
  await first.done
  const before = read(one).trim().split('\n').length
  const id = removeLater(fresh())
  const words = ['restore', '--image-path', scene.images, '--bundle', bundle.directory, id]
  const second = launch(throughPipe(two, words))
  eventually('more lines', () => read(two).split('\n').length > 3)
  oci(['kill', id, 'KILL'])
  await second.done
  const line = Number(/^line (\d+)\n/.exec(read(two))?.[1])
  expect(line).toBeGreaterThanOrEqual(before)
  expect(line).toBeLessThanOrEqual(before + 2)
})

// The peers can not: what a container of theirs has from outside is pipes, or is opened again inside.
when(isTsrun)('a file of the host as a stream is given again, and the null device for itself', () => {
  const directory = makeDirectory()
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', LINES]
  })
  const scene = { id: removeLater(fresh()), bundle, images: join(makeDirectory(), 'images') }
  const file = join(directory, 'file')
  const redirected = (words: string[]) => must(['sh', '-c', 'exec "$@" >> "$0"', file, ...command(...words)])
  const lines = () => readFileSync(file, 'utf8').trim().split('\n')
  redirected(['run', '-d', '--bundle', bundle.directory, scene.id])
  eventually('some lines', () => lines().length > 3)
  mustCheckpoint(scene)
  const before = lines().length
  const id = removeLater(fresh())
  const place = ['--image-path', scene.images, '--bundle', bundle.directory]
  redirected(['restore', '-d', ...place, id])
  eventually('more lines', () => lines().length > before + 2)
  oci(['delete', '--force', id])
  expect(lines()).toEqual(lines().map((_, i) => `line ${i + 1}`))

  const errors = join(directory, 'errors')
  const pipe = ['sh', '-c', '"$@" </dev/null 2> "$0" | cat', errors, ...command('restore', ...place, fresh())]
  run(pipe)
  const stderr = readFileSync(errors, 'utf8')
  expectOneSentence({ status: 1, signal: null, stdout: '', stderr }, /descriptor 1 was a file .* redirect it/)
})

/**
 * A process that has 3 MB and does nothing with them. A shell that counts would not do: when its heap grows by a page, the
 * kernel takes all of it for changed.
 */
const HOLD = `(head -c 3000000 /dev/zero | tr '\\0' x; touch /held; exec sleep 1000) | tail -c 3000000 &
  until [ -e /held ]; do sleep 0.05; done`

when(tracksMemory)('a pre-dump, and a checkpoint that stores what has changed since', () => {
  const scene = running(`${HOLD}; ${COUNT}`)
  counts(scene)
  const directory = makeDirectory()
  const first = { ...scene, images: join(directory, 'first') }
  const second = { ...scene, images: join(directory, 'second') }
  mustCheckpoint(first, '--pre-dump')
  counts(scene, count(scene))
  expect(stateOf(scene.id).status).toBe('running')
  mustCheckpoint(second, '--parent-path', '../first')
  const size = (path: string) => Number(must(['du', '-s', '--apparent-size', path]).split('\t')[0])
  expect(size(second.images)).toBeLessThan(size(first.images) / 2)
  const last = count(scene)
  restore(second)
  counts(scene, last)
})

when(isTsrun)('in a directory of another user the checkpoint is the same, and files of root', () => {
  const theirs = makeDirectory()
  chownSync(theirs, 65534, 65534)
  symlinkSync('/nowhere', join(theirs, 'inventory.img'))
  const log = makeDirectory()
  chmodSync(log, 0o1777)
  const scene = { ...running(), images: theirs }
  counts(scene)
  mustCheckpoint(scene, '--leave-running', '--work-path', log)
  const images = readdirSync(theirs)
  expect(images).toContain('descriptors.json')
  expect(images.map(name => lstatSync(join(theirs, name))).filter(file => !file.isFile() || file.uid !== 0)).toEqual([])
  expect(readdirSync(log).sort()).toEqual(['dump.log', 'stats-dump'])
  mustCheckpoint(scene)
  const last = count(scene)
  restore(scene, '--work-path', log)
  counts(scene, last)
  expect(readdirSync(log).sort()).toEqual(['dump.log', 'restore.log', 'stats-dump', 'stats-restore'])
})

when(tracksMemory, isTsrun)('in a directory of another user the parent is found, too', () => {
  const theirs = makeDirectory()
  chownSync(theirs, 65534, 65534)
  const scene = running()
  const place = (name: string) => {
    mkdirSync(join(theirs, name))
    chownSync(join(theirs, name), 65534, 65534)
    return { ...scene, images: join(theirs, name) }
  }
  mustCheckpoint(place('first'), '--pre-dump')
  const second = place('second')
  mustCheckpoint(second, '--parent-path', '../first')
  expect(readlinkSync(join(second.images, 'parent'))).toBe('../first')
  const last = count(scene)
  restore(second)
  counts(scene, last)
})

when(!tracksMemory, isTsrun)('without a kernel that tracks memory, --pre-dump says so', () => {
  const scene = running()
  expectOneSentence(checkpoint(scene, '--pre-dump'), /--pre-dump needs a kernel that tracks changes of memory/)
  counts(scene, count(scene))
})

/** A client in the container that counts, by way of a server that sends back what it gets. */
const TALK = `mkfifo /in; nc -l -p 77 -e cat & sleep 0.3; exec 3<>/in; echo 1 >&3; nc 127.0.0.1 77 <&3 | while read n; do
  n=$((n+1)); echo $n > /count.new; mv /count.new /count; sleep 0.02; echo $n >&3; done`

// With runc the network is not reachable yet when CRIU connects.
when(have('iptables'), !isRunc)('established connections go on with --tcp-established, and are refused without', () => {
  const scene = running(TALK)
  counts(scene)
  const refused = checkpoint(scene)
  expectOneSentence(refused, /CRIU can not checkpoint container .*[Cc]onnected TCP socket.* \(see `.*dump\.log`\)/)
  counts(scene, count(scene)) // it goes on as if nothing had been
  mustCheckpoint(scene, '--tcp-established')
  const last = count(scene)
  restore(scene, '--tcp-established')
  counts(scene, last + 2)
})

// runc has no --tcp-close.
when(have('iptables'), !isRunc)('with --tcp-close they end, and are refused with neither option', () => {
  const scene = running(`${TALK}; echo over > /over; sleep 1000`)
  counts(scene)
  mustCheckpoint(scene, '--tcp-established')
  const last = count(scene)
  const place = ['--image-path', scene.images, '--bundle', scene.bundle.directory]
  expectOneSentence(quietly(['restore', '-d', ...place, fresh()]), /CRIU can not restore .*Connected TCP socket/)
  const id = restore(scene, '--tcp-close')
  eventually('the end of the connection', () => existsSync(join(scene.bundle.rootfs, 'over')))
  expect(count(scene)).toBeLessThan(last + 3)
  expect(stateOf(id).status).toBe('running')
})

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

when(servesPages === true, !isCrun)('with --lazy-pages memory is fetched after the restore', async () => {
  // Without all of its memory it does not count.
  const step = `[ \${#big} = 3000000 ] && n=$((n+1)); echo $n > /count.new; mv /count.new /count`
  const scene = running(`big=$(head -c 3000000 /dev/zero | tr '\\0' x); n=0; while sleep 0.02; do ${step}; done`)
  counts(scene)
  const [work, status] = [makeDirectory(), join(makeDirectory(), 'status')]
  const port = String(await freePort())
  const flags = ['--lazy-pages', '--page-server', `127.0.0.1:${port}`, '--status-fd', '3', '--work-path', work]
  const words = command('checkpoint', '--image-path', scene.images, ...flags, scene.id)
  const first = launch(['sh', '-c', 'exec 3> "$0"; exec "$@"', status, ...words])
  eventually('the server', () => existsSync(status) && readFileSync(status).length === 1)
  const last = count(scene)
  const size = Number(must(['du', '-sk', scene.images]).split('\t')[0])
  expect(size).toBeLessThan(1000)
  const place = ['--address', '127.0.0.1', '--port', port, '-D', scene.images, '-o', join(work, 'lazy.log')]
  const pages = launch([criu!, 'lazy-pages', '--page-server', ...place])
  eventually('who fetches', () => existsSync(join(scene.images, 'lazy-pages.socket')))
  restore(scene, '--lazy-pages', '--work-path', scene.images)
  counts(scene, last + 2)
  expect(await pages.done).toMatchObject({ status: 0 })
  expect(await first.done).toMatchObject({ status: 0, stderr: '' })
  expect(oci(['state', scene.id]).stderr).toContain('does not exist')
})

when(servesPages === false, isTsrun)('without large pipes, checkpoint --lazy-pages says so', () => {
  const scene = running()
  counts(scene)
  expectOneSentence(checkpoint(scene, '--lazy-pages'), /needs CAP_SYS_RESOURCE, or 4194304 in .*pipe-max-size/)
  counts(scene, count(scene))
})

/** A tree of version 1; a cpuset could not be joined as it is. */
const version1 = hostMounts().find(({ type, superOptions }) => type === 'cgroup' && !superOptions.includes('cpuset'))

when(isTsrun, version1 !== undefined)('a cgroup of version 1 that its creator was in is not made again', () => {
  const folder = join(version1!.target, fresh())
  mkdirSync(folder)
  later(() => run(['rmdir', folder]))
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', COUNT]
  })
  const scene = { id: removeLater(fresh()), bundle, images: join(makeDirectory(), 'images') }
  const enter = 'echo $$ > "$0/cgroup.procs"; exec "$@" > /dev/null 2>&1'
  must(['sh', '-c', enter, folder, ...command('run', '-d', '--bundle', bundle.directory, scene.id)])
  counts(scene)
  mustCheckpoint(scene)
  eventually('the folder to be empty', () => run(['rmdir', folder]).status === 0)
  const last = count(scene)
  restore(scene)
  counts(scene, last)
  expect(existsSync(folder)).toBe(false)
})

it('what is bound is bound again: files, directories, one within the other, over links, and from elsewhere', () => {
  const outside = makeDirectory()
  for (const name of ['one', 'two']) {
    mkdirSync(join(outside, name, 'within'), { recursive: true })
    writeFileSync(join(outside, name, 'file'), `file of ${name}`)
  }
  const bind = (source: string, destination: string, ...options: string[]) => ({
    source,
    destination,
    type: 'bind',
    options: ['bind', ...options],
  })
  const mounts = (name: string) => [
    bind(join(outside, name), '/data'),
    bind(join(outside, name, 'file'), '/etc/bound', 'ro'),
    bind(join(outside, name), '/data/within/deep'),
    bind(join(outside, name), '/link/here'),
  ]
  const look =
    'cat /data/file /etc/bound /data/within/deep/file /real/here/file > /look.new; mv /look.new /look; sleep 0.05'
  const scene = running(`while :; do ${look}; done`, (config, rootfs) => {
    mkdirSync(join(rootfs, 'real'))
    symlinkSync('real', join(rootfs, 'link'))
    config.mounts.push(...mounts('one'))
  })
  const seen = () =>
    existsSync(join(scene.bundle.rootfs, 'look')) ? readFileSync(join(scene.bundle.rootfs, 'look'), 'utf8') : ''
  eventually('a look', () => seen() === 'file of one'.repeat(4))
  mustCheckpoint(scene)
  scene.bundle.config.mounts.splice(-4, 4, ...mounts('two'))
  scene.bundle.save()
  rmSync(join(outside, 'one'), { recursive: true })
  const id = restore(scene)
  eventually('a look at the other', () => seen() === 'file of two'.repeat(4))
  if (isTsrun) {
    expect(oci(['exec', id, 'sh', '-c', 'echo x > /etc/bound']).stderr).toMatch(/[Rr]ead-only/)
    expect(readFileSync(`/proc/${stateOf(id).pid}/mountinfo`, 'utf8')).not.toMatch(/scratch|criu/)
  }
})

/** Namespaces and mounts that CRIU needs help with, or has its own way with. */
const unusual: [string, Change][] = [
  ['the network of the host', config => void dropNamespace(config, 'network')],
  ['the processes of the host', config => void dropNamespace(config, 'pid')],
  ['a cgroup namespace', config => void config.linux.namespaces.push({ type: 'cgroup' })],
  ['a time namespace', config => void config.linux.namespaces.push({ type: 'time' })],
  [
    'a user namespace, and cgroups bound from the host since it may not mount them',
    config => {
      config.linux.namespaces.push({ type: 'user' })
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] })
    },
  ],
  [
    'a read-only root and a tmpfs with files',
    config => {
      config.root.readonly = true
      config.mounts.push({ destination: '/var', type: 'tmpfs', source: 'tmpfs' })
    },
  ],
]

function dropNamespace(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(namespace => namespace.type !== type)
}

/** The same with every mount of the machine shared, as systemd has it. */
function inSharedMounts(words: readonly string[]): string[] {
  return [
    'unshare',
    '--mount',
    '--propagation',
    'shared',
    'sh',
    '-c',
    'exec "$@" </dev/null >/dev/null',
    'sh',
    ...words,
  ]
}

when(isTsrun).each(unusual)('with %s', (_title, change) => {
  const outside = makeDirectory()
  writeFileSync(join(outside, 'file'), '')
  const script =
    'n=0; while :; do n=$((n+1)); echo $n > /var/n; cp /var/n /out/new; mv /out/new /out/count; sleep 0.02; done'
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['sh', '-c', script]
    config.mounts.push({ destination: '/out', type: 'bind', source: outside, options: ['rbind'] })
    change(config, rootfs)
  })
  const id = removeLater(fresh())
  const count = () => (existsSync(join(outside, 'count')) ? Number(readFileSync(join(outside, 'count'), 'utf8')) : 0)
  must(inSharedMounts(command('run', '-d', '--bundle', bundle.directory, id)))
  eventually('some numbers', () => count() > 3)
  const scene = { id, bundle, images: join(makeDirectory(), 'images') }
  mustCheckpoint(scene)
  const last = count()
  const second = removeLater(fresh())
  const { status, stderr } = run(
    inSharedMounts(command('restore', '-d', '--image-path', scene.images, '--bundle', bundle.directory, second)),
  )
  expect([status, stderr, status === 0 ? '' : logOf(scene, 'restore.log')]).toEqual([0, '', ''])
  eventually('more numbers', () => count() > last + 2)
  expect(stateOf(second).status).toBe('running')
})

when(compiler)('a terminal is handed to the console socket, and works', () => {
  const terminal = openConsole()
  const bundle = makeBundle(config => {
    config.process.terminal = true
    config.process.args = ['sh', '-c', 'stty -echo; n=5; while read line; do n=$((n+1)); echo "<$line $n>"; done']
  })
  const scene = { id: removeLater(fresh()), bundle, images: join(makeDirectory(), 'images') }
  const place = ['--bundle', bundle.directory]
  expect(oci(['run', '-d', ...place, '--console-socket', terminal.socket, scene.id]).status).toBe(0)
  terminal.received()
  eventually('an answer', () => {
    terminal.type('one\n')
    return terminal.output().includes('<one ')
  })
  sleep(200)
  const n = Number(/<one (\d+)>\r\n$/.exec(terminal.output())?.[1])
  mustCheckpoint(scene)

  const other = openConsole()
  const id = removeLater(fresh())
  const flags = ['--detach', '--image-path', scene.images, ...place, '--console-socket', other.socket]
  const { status, stderr } = oci(['restore', ...flags, id])
  expect([status, stderr, status === 0 ? '' : logOf(scene, 'restore.log')]).toEqual([0, '', ''])
  expect(other.received()).toMatch(/descriptors=1/)
  other.type('two\n')
  other.until(new RegExp(`<two ${n + 1}>\r\n`))
})

/** A process that holds a network namespace. */
function holdNetwork(): string {
  const child: ChildProcess = spawn('unshare', ['-n', 'sleep', '1000'], { stdio: 'ignore' })
  later(() => child.kill('SIGKILL'))
  const path = `/proc/${child.pid}/ns/net`
  const own = must(['readlink', '/proc/self/ns/net'])
  eventually('the namespace', () => must(['readlink', path]) !== own)
  return path
}

it('a network namespace that it has joined is joined again, another if need be', () => {
  const [one, two] = [holdNetwork(), holdNetwork()]
  const join =
    (path: string): Change =>
    config => {
      config.linux.namespaces.find(({ type }) => type === 'network')!.path = path
    }
  const scene = running(COUNT, join(one))
  counts(scene)
  mustCheckpoint(scene)
  join(two)(scene.bundle.config, '')
  scene.bundle.save()
  const last = count(scene)
  const id = restore(scene)
  counts(scene, last)
  expect(must(['readlink', `/proc/${stateOf(id).pid}/ns/net`])).toBe(must(['readlink', two]))
})

it('hooks run: createRuntime with the namespaces there, then poststop', () => {
  const log = join(makeDirectory(), 'log')
  const note = (word: string) => ({
    path: '/bin/sh',
    args: [
      'sh',
      '-c',
      `read state; echo "${word} $(echo "$state" | jq -r '.id, (.pid > 0)' | tr '\\n' ' ')" >> ${log}`,
    ],
    env: ['PATH=/usr/bin:/bin'],
  })
  const scene = running(COUNT, config => {
    config.hooks = { createRuntime: [note('createRuntime')], poststop: [note('poststop')] }
  })
  counts(scene)
  mustCheckpoint(scene)
  const lines = () =>
    readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.trim())
  expect(lines()).toEqual([`createRuntime ${scene.id} true`, `poststop ${scene.id} false`])
  const id = restore(scene)
  expect(lines().slice(2)).toEqual([`createRuntime ${id} true`])
})

when(isTsrun)('poststart hooks run, too, and a failing hook of either kind leaves nothing', () => {
  const log = join(makeDirectory(), 'log')
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const shell = (script: string) => [{ path: '/bin/sh', args: ['sh', '-c', script] }]
  scene.bundle.config.hooks = { poststart: shell(`echo poststart > ${log}`) }
  scene.bundle.save()
  const id = restore(scene)
  expect(readFileSync(log, 'utf8')).toBe('poststart\n')
  oci(['delete', '--force', id])

  for (const kind of ['createRuntime', 'poststart']) {
    scene.bundle.config.hooks = { [kind]: shell('echo it said this >&2; exit 3') }
    scene.bundle.save()
    const words = ['restore', '-d', '--image-path', scene.images, '--bundle', scene.bundle.directory, fresh()]
    expectOneSentence(quietly(words), new RegExp(`error running ${kind} hook #0: .*exit code 3; it said: it said this`))
  }
})

when(isTsrun)('restore that is killed in the middle leaves nothing', async () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const mark = join(makeDirectory(), 'mark')
  scene.bundle.config.hooks = {
    createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `touch ${mark}; sleep 1`] }],
  }
  scene.bundle.save()
  const words = ['restore', '-d', '--image-path', scene.images, '--bundle', scene.bundle.directory, fresh()]
  const { child, done } = launch(['sh', '-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'sh', ...command(...words)])
  eventually('the hook', () => existsSync(mark))
  child.kill('SIGKILL')
  expect((await done).signal).toBe('SIGKILL')
  sleep(1500) // the hook is its own
})

when(isTsrun, criuMajor >= 4)('restore that waits for CRIU ends at a signal, and leaves nothing', async () => {
  const directory = makeDirectory()
  const mark = join(directory, 'mark')
  const action = join(directory, 'action')
  const wait = `[ "$CRTOOLS_SCRIPT_ACTION" != post-resume ] || { touch ${mark}; exec sleep 1000; }`
  writeFileSync(action, `#!/bin/sh\n${wait}\n`, { mode: 0o755 })
  writeFileSync(join(directory, 'criu.conf'), `action-script ${action}\n`)
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  scene.bundle.config.annotations = { 'org.criu.config': join(directory, 'criu.conf') }
  scene.bundle.save()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    rmSync(mark, { force: true })
    const words = command('restore', '--image-path', scene.images, '--bundle', scene.bundle.directory, fresh())
    const { child, done } = launch(['sh', '-c', 'exec "$@" </dev/null', 'sh', ...words], { timeout: 20_000 })
    eventually('the script', () => existsSync(mark))
    child.kill(signal)
    const { status, stderr } = await done
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/ended by a signal\n$/) })
  }
})

const limitsPids = isPureV2() && readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('pids')

when(limitsPids)('limits of config.json hold after restore', () => {
  const scene = running(COUNT, config => {
    config.linux.resources!['pids'] = { limit: 30 }
  })
  counts(scene)
  mustCheckpoint(scene)
  scene.bundle.config.linux.resources!['pids'] = { limit: 40 }
  scene.bundle.save()
  const { pid } = stateOf(restore(scene))
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
  expect(readFileSync(join('/sys/fs/cgroup', path, 'pids.max'), 'utf8')).toBe('40\n')
})

it('an unknown name, and a container that is created only or has stopped, are refused', () => {
  const bundle = makeBundle()
  const images = join(makeDirectory(), 'images')
  expectOneSentence(checkpoint({ id: fresh(), bundle, images }), /container `.*` does not exist/)
  const id = removeLater(fresh())
  must(['sh', '-c', '"$@" >/dev/null 2>&1', 'sh', ...command('create', '--bundle', bundle.directory, id)])
  expectOneSentence(checkpoint({ id, bundle, images }), /container cannot be checkpointed in created state/)
  oci(['start', id])
  eventually('its end', () => stateOf(id).status === 'stopped')
  expectOneSentence(checkpoint({ id, bundle, images }), /container cannot be checkpointed in stopped state/)
})

it('restore to a name that is taken, without a checkpoint, or without the bundle, is refused and leaves nothing', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene, '--leave-running')
  const place = ['--bundle', scene.bundle.directory]
  const from = ['--image-path', scene.images]
  expectOneSentence(quietly(['restore', '-d', ...from, ...place, scene.id]), /already exists/)
  expect(stateOf(scene.id).status).toBe('running')
  oci(['delete', '--force', scene.id])

  const empty = makeDirectory()
  const nowhere = ['--image-path', join(empty, 'nothing')]
  expectOneSentence(
    quietly(['restore', '-d', ...nowhere, ...place, fresh()]),
    /--image-path: `.*nothing` does not exist/,
  )
  expectOneSentence(quietly(['restore', '-d', '--image-path', empty, ...place, fresh()]), /no checkpoint in `.*`/)
  expectOneSentence(quietly(['restore', '-d', ...from, '--bundle', empty, fresh()]), /config\.json` does not exist/)
  rmSync(join(scene.images, 'pstree.img'))
  expectOneSentence(quietly(['restore', '-d', ...from, ...place, fresh()]), /CRIU can not restore .*restore\.log/)
})

it('the log goes to the work path, the checkpoint has descriptors.json', () => {
  const scene = running()
  counts(scene)
  const work = isCrun ? makeDirectory() : join(makeDirectory(), 'work')
  mustCheckpoint(scene, '--work-path', work)
  expect(existsSync(join(work, 'dump.log'))).toBe(true)
  expect(existsSync(join(scene.images, 'dump.log'))).toBe(false)
  expect(JSON.parse(readFileSync(join(scene.images, 'descriptors.json'), 'utf8'))).toHaveLength(3)
  restore(scene, '--work-path', work)
  expect(existsSync(join(work, 'restore.log'))).toBe(true)
})

// The CRIU of Debian 12 does not run the script that stops it in the middle.
when(isTsrun, criuMajor >= 4)('a checkpoint that is killed in the middle leaves the container as it was', async () => {
  const directory = makeDirectory()
  const action = join(directory, 'action')
  const mark = join(directory, 'mark')
  writeFileSync(action, `#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != pre-dump ] || { touch ${mark}; sleep 1; }\n`, {
    mode: 0o755,
  })
  const file = join(directory, 'criu.conf')
  writeFileSync(file, `action-script ${action}\n`)
  const scene = running(COUNT, config => {
    config.annotations = { 'org.criu.config': file }
  })
  counts(scene)
  const { child, done } = launch(command('checkpoint', '--image-path', scene.images, scene.id))
  eventually('CRIU to begin', () => existsSync(mark))
  child.kill('SIGKILL')
  expect((await done).signal).toBe('SIGKILL')
  sleep(1500)
  const last = count(scene)
  counts(scene, last + 2)
  expect(stateOf(scene.id).status).toBe('running')
})

it('CRIU reads the configuration file of the annotation', () => {
  const file = join(makeDirectory(), 'criu.conf')
  writeFileSync(file, 'log-file by-annotation.log\n')
  const scene = running(COUNT, config => {
    config.annotations = { 'org.criu.config': file }
  })
  counts(scene)
  mustCheckpoint(scene)
  expect(existsSync(join(scene.images, 'by-annotation.log'))).toBe(true)
})

// Not in an emulated machine: conformance/engines has podman with a CRIU that knows this kernel.
const engine = !process.env['TSRUN_VM'] && have('podman') && have('conmon') && !isCrun

describe('podman', () => {
  let podman: Podman
  beforeAll(() => {
    if (whyNot !== undefined || !engine) return
    podman = openPodman('v2')
    // podman's PATH is its own; what is mounted here is seen by podman and the runtime alone.
    const program = ['/usr/sbin/criu', '/usr/bin/criu'].find(path => existsSync(path))
    if (program !== undefined && program !== criu) podman.beside(['mount', '--bind', criu!, program])
  })
  afterAll(() => podman?.close())

  function counting(...words: string[]): string {
    const name = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', name]))
    const script = 'n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done'
    podman.must('run', '-d', '--name', name, '--network', 'none', ...words, IMAGE, 'sh', '-c', script)
    return name
  }
  const lines = (name: string) => podman.must('logs', name).replaceAll('\r', '').split('\n').map(Number)
  const goesOn = (name: string, from: number) =>
    eventually('more lines', () => (lines(name).at(-1)! > from ? lines(name) : undefined))

  when(engine)('container checkpoint, container restore: it counts on', () => {
    const name = counting()
    goesOn(name, 3)
    podman.must('container', 'checkpoint', name)
    expect(podman.must('inspect', '--format', '{{.State.Status}} {{.State.Checkpointed}}', name)).toBe('exited true')
    const last = lines(name).at(-1)!
    podman.must('container', 'restore', name)
    expect(podman.must('inspect', '--format', '{{.State.Status}}', name)).toBe('running')
    const all = goesOn(name, last + 3)
    // podman starts the log anew or goes on with it; a number may be lost with the pipe, and none comes twice.
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b))
    expect(podman.must('exec', name, 'hostname')).not.toBe('')
    podman.must('stop', '--time', '0', name)
    expect(podman.must('wait', name)).toBe('137')
  })

  when(engine)('with a terminal, and a volume', () => {
    const directory = makeDirectory()
    const name = counting('-t', '-v', `${directory}:/data`)
    goesOn(name, 3)
    podman.must('container', 'checkpoint', name)
    const last = lines(name).at(-1)!
    podman.must('container', 'restore', name)
    goesOn(name, last + 3)
    podman.must('exec', name, 'touch', '/data/touched')
    expect(existsSync(join(directory, 'touched'))).toBe(true)
  })

  when(engine)('--leave-running, and --export with restore --import under a new name', () => {
    const name = counting()
    goesOn(name, 3)
    const file = join(makeDirectory(), 'checkpoint.tar.gz')
    podman.must('container', 'checkpoint', '--leave-running', '--export', file, name)
    goesOn(name, lines(name).at(-1)! + 3)
    const copy = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', copy]))
    podman.must('container', 'restore', '--import', file, '--name', copy)
    goesOn(copy, 6)
    podman.must('rm', '--force', '--time', '0', name, copy)
  })
})

// These need no CRIU that works.

test.skipIf(!isTsrun)('without CRIU both commands say what is missing, and features that they do not work', () => {
  const env = { ...process.env, PATH: makeDirectory() }
  const words = ['restore', '--bundle', makeBundle().directory, fresh()]
  const missing = /CRIU is not installed: there is no program criu in PATH \(.*\); install the package criu/
  expectOneSentence(oci(words, { env }), missing)
  const { stdout } = oci(['features'], { env })
  expect(JSON.parse(stdout).annotations).toMatchObject({ 'org.opencontainers.runc.checkpoint.enabled': 'false' })
})

/** What a restore asks of CRIU. */
function askedFor(...flags: string[]) {
  const recorder = recordCriu()
  const images = makeDirectory()
  writeFileSync(join(images, 'descriptors.json'), JSON.stringify(Array(3).fill('/dev/null')))
  const words = ['restore', '-d', '--image-path', images, '--bundle', makeBundle().directory, ...flags, fresh()]
  expect(oci(words, { env: recorder.env }).stderr).toMatch(/CRIU can not restore/)
  return recorder.requests().find(({ opts }) => opts !== undefined)!.opts!
}

test.skipIf(!isTsrun)('restore hands labels and what is to become of connections on to CRIU', () => {
  expect(askedFor()).not.toHaveProperty('lsm_profile')
  const labels = ['--lsm-profile', 'apparmor:web', '--lsm-mount-context', 'system_u:object_r:container_file_t:s0:c1,c2']
  expect(askedFor(...labels)).toMatchObject({
    lsm_profile: 'apparmor:web',
    lsm_mount_context: 'system_u:object_r:container_file_t:s0:c1,c2',
  })
  expect(askedFor('--tcp-close')).toMatchObject({ tcp_close: true })
  expect(askedFor('--tcp-established', '--file-locks')).toMatchObject({ tcp_established: true, file_locks: true })
})

test.skipIf(!isTsrun)('--lsm-profile is refused by a CRIU that would leave it out', () => {
  const { env } = recordCriu({ major_number: 3, minor_number: 15 })
  const images = makeDirectory()
  writeFileSync(join(images, 'descriptors.json'), '[]')
  const words = ['restore', '-d', '--image-path', images, '--bundle', makeBundle().directory]
  const refused = oci([...words, '--lsm-profile', 'selinux:a:b:c:s0', fresh()], { env })
  expectOneSentence(refused, /--lsm-profile .* needs CRIU 3\.16 or newer; this one is 3\.15/)
})

test('checkpoint --help succeeds, by which engines find out that there is one', () => {
  const { status, stdout } = oci(['checkpoint', '--help'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/--image-path/)
})

test.skipIf(!isTsrun)('a command line that makes no sense is refused', () => {
  const refused = (...words: string[]) => oci([...words, fresh()])
  expectOneSentence(refused('checkpoint', '--page-server', 'nowhere'), /--page-server: must be ADDRESS:PORT/)
  expectOneSentence(refused('checkpoint', '--manage-cgroups-mode', 'hard'), /hard/)
  expectOneSentence(refused('checkpoint', '--status-fd', 'x'), /--status-fd/)
})
