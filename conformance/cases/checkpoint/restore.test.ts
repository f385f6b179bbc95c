// What a restored container has: streams, mounts, namespaces, a terminal; its hooks; and what is left of a restore that ended early.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import {
  COUNT,
  count,
  counts,
  it,
  logOf,
  mustCheckpoint,
  quietly,
  restore,
  running,
  when,
} from '../../lib/checkpoint.ts'
import type { Config } from '../../lib/config.ts'
import { openConsole, withConsole } from '../../lib/console.ts'
import { type Change, command, oci, removeLater, stateOf } from '../../lib/container.ts'
import { criuMajor } from '../../lib/criu.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have } from '../../lib/machine.ts'
import { eventually, launch, must, run, sleep } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()
const compiler = have('cc')
if (compiler) withConsole()

/** Where CRIU collects the mounts of a restore: empty directories, which stay when it is killed. */
const mountPlaces = () => readdirSync('/tmp').filter(name => name.startsWith('.criu.mntns.'))
const before = mountPlaces()
afterAll(() => {
  for (const name of mountPlaces()) if (!before.includes(name)) rmdirSync(join('/tmp', name))
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
