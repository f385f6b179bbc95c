// Files of others: those that are read from a container, and those at a path of the caller, in a directory of somebody
// else's who has put there what he likes. docs/security.md has the tables.

import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { openConsole, withConsole } from '../../lib/console.ts'
import {
  command,
  createRunning,
  inside,
  oci,
  removeLater,
  runBundle,
  runScript,
  tryCreate,
} from '../../lib/container.ts'
import { criu } from '../../lib/criu.ts'
import { exec } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { launch, must, type Result, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()
if (have('cc')) withConsole()

/** What is too long for a command that waits for nobody. */
const TIMEOUT = 15_000
const NOBODY = 65534
const SECRET = 'precious'

const echo = () => makeBundle(config => (config.process.args = ['echo', 'here']))

/** A directory of somebody else's. */
function theirDirectory(): string {
  const directory = makeDirectory()
  chownSync(directory, NOBODY, NOBODY)
  return directory
}

/** A file of root's that must stay as it is. */
function makeVictim() {
  const path = join(makeDirectory(), 'victim')
  writeFileSync(path, SECRET)
  return { path, expectUntouched: () => expect(readFileSync(path, 'utf8')).toBe(SECRET) }
}

/** A link as its owner would plant it. */
function plant(target: string, path: string): void {
  symlinkSync(target, path)
  must(['chown', '-h', `${NOBODY}:${NOBODY}`, path])
}

const fifo = (path: string) => void must(['mkfifo', path])

// What is read from a container.

const withoutHome = (passwd: (path: string) => void) => (config: { process: { env: string[] } }, rootfs: string) => {
  config.process.env = ['PATH=/bin']
  const path = join(rootfs, 'etc/passwd')
  mkdirSync(join(rootfs, 'etc'), { recursive: true })
  rmSync(path, { force: true })
  passwd(path)
}

const ROOT_LINE = 'root:x:0:0:root:/rooot:/bin/sh\n'

test('HOME is found in a long /etc/passwd', () => {
  const users = Array.from({ length: 9000 }, (_, i) => `user${i}:x:${i + 1000}:${i}::/home/user${i}:/bin/sh\n`)
  const text = `${users.join('')}${ROOT_LINE}`
  expect(text.length).toBeGreaterThan(300_000)
  const home = (length: number) =>
    inside(
      'echo $HOME',
      withoutHome(path => writeFileSync(path, text.slice(-length))),
    )
  expect([4095, 4096, 4097, 16384, 16385, 65536, 300_000].map(home)).toEqual(Array(7).fill('/rooot'))
})

test.skipIf(runtime.kind === 'crun')('an empty HOME is looked up, too (crun: stays empty)', () => {
  const script = 'env | grep -c ^HOME=; echo $HOME'
  const change = withoutHome(path => writeFileSync(path, ROOT_LINE))
  const output = inside(script, (config, rootfs) => {
    change(config, rootfs)
    config.process.env = ['HOME=', 'PATH=/bin']
  })
  expect(output).toBe('1\n/rooot')
})

const ODD_FILES: readonly (readonly [string, (path: string) => void])[] = [
  ['a link to /dev/zero', path => symlinkSync('/dev/zero', path)],
  ['a link to /dev/urandom', path => symlinkSync('/dev/urandom', path)],
  ['a link to /dev/full', path => symlinkSync('/dev/full', path)],
  ['a link to /dev/tty', path => symlinkSync('/dev/tty', path)],
  ['a link to /dev/stdin', path => symlinkSync('/proc/self/fd/0', path)],
  ['a link to a file of procfs', path => symlinkSync('/proc/kmsg', path)],
  ['a link to itself', path => symlinkSync('passwd', path)],
  ['a fifo', fifo],
  ['a directory', path => mkdirSync(path)],
]

test.skipIf(!isTsrun)('an /etc/passwd that is no file says nothing, and is not waited for (peers: some hang)', () => {
  for (const [name, make] of ODD_FILES) {
    const result = runScript('echo HOME=$HOME', withoutHome(make), { timeout: TIMEOUT })
    expect(result, name).toMatchObject({ status: 0, stdout: 'HOME=/\n' })
  }
})

test.skipIf(!isTsrun)('exec does not read an /etc/passwd of the container without an end (peers: some hang)', () => {
  const container = createRunning(withoutHome(path => writeFileSync(path, ROOT_LINE)))
  const path = join(container.bundle.rootfs, 'etc/passwd')
  for (const [name, make] of ODD_FILES) {
    rmSync(path, { recursive: true })
    make(path)
    const result = exec(container, ['sh', '-c', 'echo HOME=$HOME'], [], { timeout: TIMEOUT })
    expect(result, name).toMatchObject({ status: 0, stdout: 'HOME=/\n' })
  }
  rmSync(path, { recursive: true })
  writeFileSync(path, '')
  truncateSync(path, 2 ** 32)
  const result = exec(container, ['true'], [], { timeout: TIMEOUT })
  expect(result.status).toBe(255)
  expect(result.stderr).toMatch(/^[^\n]*\/etc\/passwd` of the container has more than 1 MiB[^\n]*set HOME[^\n]*\n$/)
})

// Files that are written at a path of the caller.

const LEASE = `
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR); fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK); print('ready', flush=True)
time.sleep(600)
`

test.skipIf(!isTsrun || !have('python3'))(
  'exec does not wait for an /etc/passwd of the container that somebody has a lease of (peers: they do)',
  async () => {
    let passwd = ''
    const prepare = withoutHome(path => {
      passwd = path
      writeFileSync(path, ROOT_LINE)
    })
    const container = createRunning(prepare)
    const holder = launch(['python3', '-c', LEASE, passwd], { timeout: 60_000 })
    later(() => void holder.child.kill('SIGKILL'))
    await holder.speaks
    const begin = Date.now()
    expect(oci(['exec', container.id, 'sh', '-c', 'echo $HOME'])).toMatchObject({
      status: 0,
      stdout: '/\n',
      stderr: '',
    })
    expect(Date.now() - begin).toBeLessThan(5000)
  },
)

test('a pid file is written under no name that somebody can foresee', () => {
  const directory = theirDirectory()
  const victim = makeVictim()
  const file = join(directory, 'a.pid')
  for (const name of ['a.pid.tmp', '.a.pid', '.a.pid.tmp', 'a.pid~']) plant(victim.path, join(directory, name))
  runBundle(echo(), {}, ['--pid-file', file])
  if (isTsrun) {
    victim.expectUntouched()
    expect(readFileSync(file, 'utf8')).toMatch(/^\d+$/)
    expect(readdirSync(directory)).toHaveLength(5)
  }
})

test.skipIf(!isTsrun)('a pid file takes the place of a file only, and follows nothing (peers: they do)', () => {
  const directory = theirDirectory()
  const victim = makeVictim()
  const file = join(directory, 'a.pid')
  const kinds: Readonly<Record<string, () => void>> = {
    'a symbolic link': () => plant(victim.path, file),
    'a fifo': () => fifo(file),
    'a directory': () => mkdirSync(file),
    'a device': () => must(['mknod', file, 'c', '1', '3']),
  }
  for (const [kind, make] of Object.entries(kinds)) {
    make()
    const before = lstatSync(file)
    const result = runBundle(echo(), { timeout: TIMEOUT }, ['--pid-file', file])
    expectOneSentence(result, new RegExp(`--pid-file: .* is ${kind}, which is not replaced`))
    expect(lstatSync(file).ino).toBe(before.ino)
    rmSync(file, { recursive: true })
  }
  victim.expectUntouched()
  linkSync(victim.path, file) // another name of the file is replaced, the file itself is not
  expect(runBundle(echo(), {}, ['--pid-file', file])).toMatchObject({ status: 0 })
  victim.expectUntouched()
  expect(readFileSync(file, 'utf8')).toMatch(/^\d+$/)
})

test.skipIf(!isTsrun)("a log or trace in another's directory follows no link of his (peers: they do)", () => {
  const directory = theirDirectory()
  const victim = makeVictim()
  const file = join(directory, 'file')
  const log = () => oci(['--log', file, 'state', 'nobody'], { timeout: TIMEOUT })
  const trace = () => oci(['--trace', file, 'list'], { timeout: TIMEOUT })
  const ways: readonly (readonly [string, () => void])[] = [
    ['symbolic link of user 65534', () => plant(victim.path, file)],
    ['has a second name', () => linkSync(victim.path, file)],
    ['fifo that nobody reads', () => fifo(file)],
  ]
  for (const [words, make] of ways) {
    make()
    expectOneSentence(log(), new RegExp(`--log: .*${words}`))
    expectOneSentence(trace(), new RegExp(`--trace: .*${words}`))
    rmSync(file)
    victim.expectUntouched()
  }
})

test.skipIf(!isTsrun || !isRoot || !have('cc'))('to a socket no link of his is followed (peers: they do)', () => {
  const directory = theirDirectory()
  const victim = openConsole()
  plant(victim.socket, join(directory, 'link'))
  plant(dirname(victim.socket), join(directory, 'way'))
  const bundle = (terminal: boolean) =>
    makeBundle(config => {
      config.process.terminal = terminal
      config.process.args = ['true']
    })
  const [withTerminal, without] = [bundle(true), bundle(false)]
  for (const path of [join(directory, 'link'), join(directory, 'way', basename(victim.socket))]) {
    const [toConsole, toPidfd] = [
      tryCreate(withTerminal, ['--console-socket', path]),
      tryCreate(without, ['--pidfd-socket', path]),
    ]
    expectOneSentence(toConsole.created, /console socket: .* symbolic link of user 65534, which is not followed/)
    expectOneSentence(toPidfd.created, /--pidfd-socket: .* symbolic link of user 65534, which is not followed/)
  }
  const own = join(directory, 'own')
  symlinkSync(victim.socket, own)
  expect(tryCreate(withTerminal, ['--console-socket', own]).created).toMatchObject({ status: 0, stderr: '' })
  expect(victim.received()).toMatch(/descriptors=1$/)
})

test.skipIf(!isTsrun || !isRoot)(
  'on the way to a file that is written a link of his is not followed either (peers: they do)',
  () => {
    const [directory, victims] = [theirDirectory(), makeDirectory()]
    plant(victims, join(directory, 'd'))
    const file = join(directory, 'd/file')
    const { directory: bundle } = echo()
    const ways: readonly string[][] = [
      ['--log', file, 'list'],
      ['--trace', file, 'list'],
      ['run', '--pid-file', file, '--bundle', bundle, removeLater(fresh())],
      ['spec', '--file', file],
      ['spec', '--bundle', join(directory, 'd')],
    ]
    for (const words of ways)
      expectOneSentence(
        oci(words, { timeout: TIMEOUT }),
        /`d` in .* is a symbolic link of user 65534, which is not followed/,
      )
    expect(readdirSync(victims)).toEqual([])
    // Root's are, and those of procfs.
    symlinkSync(victims, join(victims, 'self'))
    symlinkSync('../', join(victims, 'up'))
    const own = join(victims, 'self/self/up', basename(victims), 'file')
    expect(oci(['run', '--pid-file', own, '--bundle', bundle, removeLater(fresh())])).toMatchObject({ status: 0 })
    expect(readFileSync(join(victims, 'file'), 'utf8')).toMatch(/^\d+$/)
    const log = join('/proc/self/root', victims, 'log')
    expect(oci(['--log', log, 'state', 'nobody']).status).toBe(1)
    expect(readFileSync(join(victims, 'log'), 'utf8')).toMatch(/nobody/)
  },
)

test('a log may be a device, a descriptor, and a link of our own', () => {
  const directory = makeDirectory()
  const target = join(makeDirectory(), 'target')
  const link = join(directory, 'log')
  symlinkSync(target, link)
  const words = (file: string) => command('--log', file, 'state', 'nobody')
  expect(run(words(link)).status).toBe(1)
  expect(readFileSync(target, 'utf8')).toMatch(isTsrun ? /nobody/ : /exist/)
  for (const file of ['/dev/null', '/dev/full']) expect(run(words(file)).status).toBe(1)
  const lines = (file: string, around: (words: string) => string) =>
    run(['sh', '-c', around('"$@"'), 'sh', ...words(file)])
      .stdout.split('\n')
      .filter(line => /nobody/.test(line)).length
  for (const file of ['/dev/stdout', '/proc/self/fd/1', '/dev/fd/1']) {
    expect(
      lines(file, run => `${run} 2>/dev/null`),
      file,
    ).toBe(1)
    expect(
      lines(file, run => `${run} 2>/dev/null | cat`),
      `${file}, a pipe`,
    ).toBe(1)
  }
})

test.skipIf(!isTsrun)("hooks' output in another's directory follows no link of his", () => {
  const directory = theirDirectory()
  const victim = makeVictim()
  const file = join(directory, 'hooks')
  plant(victim.path, file)
  const bundle = makeBundle(config => {
    config.annotations = { 'run.oci.hooks.stdout': file }
    config.hooks = { createRuntime: [{ path: '/bin/echo', args: ['echo', 'hook'] }] }
  })
  expectOneSentence(runBundle(bundle), /run\.oci\.hooks\.stdout: .*symbolic link of user 65534/)
  victim.expectUntouched()
})

// Files that are read at a path of the caller.

const inputs: readonly (readonly [string, (file: string, id: string) => string[]])[] = [
  ['--config', (file, id) => ['run', '--config', file, '--bundle', '/tmp', id]],
  ['validate', file => ['validate', '--config', file]],
  ['exec --process', (file, id) => ['exec', '--process', file, id]],
  ['update --resources', (file, id) => ['update', '--resources', file, id]],
  ['seccomp explain', file => ['seccomp', 'explain', file]],
  ['mounts add', (file, id) => ['mounts', 'add', id, file]],
]

test.skipIf(!isTsrun)('what is read at a path of the caller is a regular file, and no wait (peers: they hang)', () => {
  const { id } = createRunning()
  const directory = theirDirectory()
  const file = join(directory, 'input.json')
  const kinds: Readonly<Record<string, () => void>> = {
    'a fifo': () => fifo(file),
    'a device': () => plant('/dev/zero', file),
    'a directory': () => mkdirSync(file),
  }
  for (const [kind, make] of Object.entries(kinds)) {
    make()
    for (const [name, words] of inputs) {
      if (kind === 'a directory' && name === 'seccomp explain') continue // a bundle
      const result = oci(words(file, name === '--config' ? removeLater(fresh()) : id), { timeout: TIMEOUT })
      expect(result.signal, `${name}: ${kind}`).toBeNull()
      expect(result.status, `${name}: ${kind}`).not.toBe(0)
      expect(result.stderr, `${name}: ${kind}`).toMatch(
        new RegExp(`^[^\\n]*input.json[^\\n]* it is ${kind}[^\\n]*\\n$`),
      )
    }
    rmSync(file, { recursive: true })
  }
})

test.skipIf(!isTsrun)('an input without an end is refused (peers: take all of the memory)', () => {
  const { id } = createRunning()
  const endless = 'yes | head -c 80000000'
  const over = (words: string[]) =>
    run(['sh', '-c', `${endless} | "$@"`, 'sh', ...command(...words)], { timeout: 60_000 })
  for (const file of ['-', '/dev/stdin', '/proc/self/fd/0'])
    expectOneSentence(over(['update', '--resources', file, id]), /more than 64 MiB/)
  const file = join(makeDirectory(), 'sparse.json')
  writeFileSync(file, '')
  truncateSync(file, 2 ** 33)
  expectOneSentence(oci(['update', '--resources', file, id]), /sparse.json` has more than 64 MiB/)
})

test.skipIf(!isTsrun)('list writes no control characters of a name that somebody has put into --root', () => {
  const root = makeDirectory()
  const name = 'x\x1b[31m\nother'
  mkdirSync(join(root, name), { mode: 0o700 })
  writeFileSync(join(root, name, 'state.json'), '{}')
  const list = (...flags: string[]) => must([runtime.path, '--root', root, 'list', ...flags])
  expect(list('--quiet')).toBe('x\\x1b[31m\\x0aother\n')
  expect(list().split('\n')).toHaveLength(3)
  expect(list()).not.toContain('\x1b[31m')
})

test('a caller passes pipes: /dev/stdin, and what a shell makes of <(...)', () => {
  const { id, bundle } = createRunning()
  const bash = (script: string, ...words: string[]) => run(['bash', '-c', script, 'bash', ...command(...words)])
  const resources = JSON.stringify({})
  for (const file of ['-', '/dev/stdin', '/proc/self/fd/0'].slice(0, isTsrun ? 3 : 1))
    expect(bash(`echo '${resources}' | "$@"`, 'update', '--resources', file, id), file).toMatchObject({ status: 0 })
  const process = JSON.stringify({ ...bundle.config.process, args: ['echo', 'from a pipe'] })
  const script = `"$@" exec --process <(echo '${process}') ${id}`
  expect(bash(script)).toMatchObject({ status: 0, stdout: 'from a pipe\n' })
})

/** Names that CRIU gives to files, and that of ours. */
const IMAGES = [
  ...[
    'inventory.img',
    'core-1.img',
    'pages-1.img',
    'pagemap-1.img',
    'fdinfo-2.img',
    'mountpoints-13.img',
    'stats-dump',
  ],
  ...['dump.log', 'descriptors.json', 'descriptors.json.tmp', 'parent'],
]

/** What the owner of a directory does all the time: plants links, and takes away what is hidden in it. */
const MEDDLE = `cd "$1"; shift; while :; do
  for name; do ln -sfn "$VICTIM" $name; done
  for hidden in .tsrun-*; do mv $hidden taken; mkdir $hidden; ln -s "$VICTIM" $hidden/dump.log; rm -rf taken; done
done 2>/dev/null`

const meddling = test.skipIf(!isTsrun || !isRoot || criu === undefined || !have('setpriv'))

meddling('a checkpoint in a directory of somebody else writes to nothing of root (tsrun only)', async () => {
  const { id, state } = createRunning()
  const victim = makeVictim()
  const shared = makeDirectory()
  const directories = [theirDirectory(), shared]
  chmodSync(shared, 0o777)
  for (const path of directories) {
    for (const name of IMAGES) plant(victim.path, join(path, name))
    const words = [
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      '--clear-groups',
      'sh',
      '-c',
      MEDDLE,
      'sh',
      path,
      ...IMAGES,
    ]
    const meddler = launch(['setpriv', ...words], { env: { ...process.env, VICTIM: victim.path } })
    for (const flags of [[], ['--work-path', path], []])
      oci(['checkpoint', '--leave-running', '--image-path', path, ...flags, id], { timeout: TIMEOUT })
    meddler.child.kill('SIGKILL')
    await meddler.done
    victim.expectUntouched()
  }
  expect(state().status).toBe('running')
})

meddling('a checkpoint is behind no link of somebody else, and makes no holes there (tsrun only)', () => {
  const { id, state } = createRunning()
  const mine = makeDirectory()
  const theirs = theirDirectory()
  plant(theirs, join(mine, 'link'))
  const behind = oci(['checkpoint', '--image-path', join(mine, 'link'), id], { timeout: TIMEOUT })
  expectOneSentence(behind, /--image-path: .*symbolic link of user 65534/)
  const flags = ['--auto-dedup', '--parent-path', `../../${basename(theirs)}`]
  const holes = oci(['checkpoint', '--image-path', join(mine, 'images'), ...flags, id], { timeout: TIMEOUT })
  expectOneSentence(holes, /--auto-dedup makes holes in files of .*\(--parent-path\), where others can put links/)
  expect(state().status).toBe('running')
})

meddling('the directory of a checkpoint is not made where a link of somebody else leads (tsrun only)', () => {
  const { id } = createRunning()
  const victims = makeDirectory()
  const link = join(theirDirectory(), 'link')
  plant(victims, link)
  for (const option of ['--image-path', '--work-path']) {
    const images = option === '--image-path' ? [] : ['--image-path', join(makeDirectory(), 'images')]
    const refused = oci(['checkpoint', ...images, option, join(link, 'made'), id], { timeout: TIMEOUT })
    expectOneSentence(refused, new RegExp(`${option}: .*symbolic link of user 65534`))
  }
  expect(readdirSync(victims)).toEqual([])
})

// The directory of containers.

test.skipIf(!isTsrun || !isRoot)('delete --force in a root of somebody else follows no link', () => {
  const root = theirDirectory()
  const victims = makeDirectory()
  for (const name of ['state.json', 'config.json', 'start', 'state.json.tmp'])
    writeFileSync(join(victims, name), SECRET)
  plant(victims, join(root, 'id'))
  run([runtime.path, '--root', root, 'delete', '--force', 'id'], { timeout: TIMEOUT })
  expect(readdirSync(victims).sort()).toEqual(['config.json', 'start', 'state.json', 'state.json.tmp'])
  run([runtime.path, '--root', root, 'list'], { timeout: TIMEOUT })
  rmSync(join(root, 'id'))
  mkdirSync(join(root, 'id'))
  for (const name of ['state.json', 'config.json', 'start']) plant(join(victims, name), join(root, 'id', name))
  run([runtime.path, '--root', root, 'delete', '--force', 'id'], { timeout: TIMEOUT })
  expect(existsSync(join(root, 'id'))).toBe(false)
  for (const name of readdirSync(victims)) expect(readFileSync(join(victims, name), 'utf8')).toBe(SECRET)
})

test.skipIf(!isTsrun || !isRoot)('a directory of containers is behind no link of somebody else', () => {
  const victims = makeDirectory()
  mkdirSync(join(victims, 'id'))
  const theirs = theirDirectory()
  plant(victims, join(theirs, 'link'))
  const { directory } = echo()
  const refuses = (root: string, ...words: string[]) => {
    const { status, stderr } = run([runtime.path, '--root', root, ...words], { timeout: TIMEOUT })
    expect(status, words[0]).toBe(1)
    expect(stderr).toMatch(new RegExp(`\`link\` in .* is a symbolic link of user ${NOBODY}, which is not followed`))
  }
  const link = join(theirs, 'link')
  refuses(link, 'run', '--bundle', directory, fresh())
  refuses(join(link, 'below'), 'run', '--bundle', directory, fresh())
  refuses(link, 'list')
  refuses(link, 'state', 'id')
  refuses(link, 'delete', '--force', 'id')
  expect(readdirSync(victims)).toEqual(['id'])
})

test.skipIf(!isTsrun || !isRoot)('a directory of containers may be behind a link of root', () => {
  const there = makeDirectory()
  const link = join(makeDirectory(), 'link')
  symlinkSync(there, link)
  const { directory } = echo()
  for (const root of [link, join(link, 'below')])
    expect(
      run([runtime.path, '--root', root, 'run', '--bundle', directory, fresh()], { timeout: TIMEOUT }).status,
    ).toBe(0)
  expect(readdirSync(join(there, 'below'))).toEqual([])
})

test.skipIf(!isTsrun)('a state.json or config.json that is a fifo or without an end holds up nobody', () => {
  const root = theirDirectory()
  const call = (...words: string[]): Result => run([runtime.path, '--root', root, ...words], { timeout: TIMEOUT })
  for (const make of [fifo, (path: string) => plant('/dev/zero', path), (path: string) => mkdirSync(path)]) {
    for (const name of ['state.json', 'config.json']) {
      mkdirSync(join(root, 'id'))
      make(join(root, 'id', name))
      for (const words of [['list'], ['state', 'id'], ['kill', 'id'], ['exec', 'id', 'true'], ['delete', 'id']])
        expect(call(...words).signal, `${name}: ${words.join(' ')}`).toBeNull()
      if (name === 'state.json' && make !== fifo) expect(call('state', 'id').stderr).toMatch(/it is no regular file/)
      rmSync(join(root, 'id'), { recursive: true })
    }
  }
})

/** What somebody writes into a directory of containers that is his: a container whose first process is `pid`. */
function forge(root: string, pid: number, hook: string): void {
  const directory = join(root, 'id')
  mkdirSync(directory)
  const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21]
  const created = new Date().toISOString()
  const record = { id: 'id', ociVersion: '1.2.0', bundle: '/tmp', rootfs: '/tmp', created, uid: 0, pid, startTime }
  writeFileSync(join(directory, 'state.json'), JSON.stringify({ version: 1, ...record, laterHooks: true }))
  const { config } = echo()
  config.hooks = { poststart: [{ path: hook }], poststop: [{ path: hook }] }
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config))
  must(['chown', '-R', `${NOBODY}:${NOBODY}`, directory])
}

test.skipIf(!isTsrun || !isRoot)(
  'a container in a directory that somebody else can write to is not believed: no hook of his runs, nothing is killed or entered (tsrun only)',
  async () => {
    const marks = makeDirectory()
    const hook = join(marks, 'hook')
    writeFileSync(hook, `#!/bin/sh\n: > ${marks}/won\n`)
    chmodSync(hook, 0o755)
    for (const running of [true, false])
      for (const owner of [NOBODY, 0]) {
        const root = theirDirectory()
        const { child, done } = launch(['sleep', '1000'])
        forge(root, child.pid!, hook)
        chownSync(join(root, 'id'), owner, owner)
        chmodSync(join(root, 'id'), 0o777)
        if (!running) child.kill()
        if (!running) await done
        const call = (...words: string[]): Result => run([runtime.path, '--root', root, ...words], { timeout: TIMEOUT })
        for (const words of [
          ['kill', 'id', 'KILL'],
          ['exec', 'id', 'id'],
          ['start', 'id'],
          ['pause', 'id'],
          ['delete', 'id'],
        ]) {
          const { status, stderr } = call(...words)
          expect([1, 255]).toContain(status)
          expect(stderr).toMatch(/^[^\n]* its directory is not ours alone, so nothing in there is believed[^\n]*\n$/)
        }
        expect(call('list').stdout).toMatch(/id +0 +damaged/)
        expect(call('gc', '--all', '--force').stdout).toMatch(/kept: container id: its directory is not ours alone/)
        expect(existsSync(join(root, 'id/state.json'))).toBe(true)
        expect(call('delete', '--force', 'id')).toMatchObject({ status: 0 })
        expect(existsSync(join(root, 'id'))).toBe(false)
        expect(readdirSync(marks)).toEqual(['hook'])
        expect(child.signalCode).toBe(running ? null : 'SIGTERM')
        child.kill()
        await done
      }
  },
)

test.skipIf(!isTsrun)('create writes into no file that was put into its root beforehand', () => {
  const root = theirDirectory()
  const victim = makeVictim()
  chmodSync(root, 0o777)
  const id = fresh()
  plant(victim.path, join(root, `${id}.tmp`))
  mkdirSync(join(root, id))
  plant(victim.path, join(root, id, 'config.json'))
  plant(victim.path, join(root, id, 'state.json.tmp'))
  const { directory } = echo()
  expectOneSentence(run([runtime.path, '--root', root, 'run', '--bundle', directory, id]), /exists/)
  victim.expectUntouched()
})
