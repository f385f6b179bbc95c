// `run`: the program's own result, its streams, its surroundings.

import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import {
  command,
  inside,
  oci,
  removeLater,
  runArgs,
  runBundle,
  runScript,
  stateOf,
  tryCreate,
} from '../../lib/container.ts'
import { field } from '../../lib/machine.ts'
import { eventually, launch, must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const MEGABYTES = 100

test('echo arrives on stdout and nothing else does', () => {
  expect(runArgs(['echo', 'hello'])).toEqual({ status: 0, signal: null, stdout: 'hello\n', stderr: '' })
})

test('stderr stays apart from stdout', () => {
  expect(runScript('echo out; echo err >&2')).toMatchObject({ stdout: 'out\n', stderr: 'err\n' })
})

test.each([[0], [1], [7], [126], [127], [255]])('exit code %i of the program is the exit code of run', code => {
  expect(runScript(`exit ${code}`)).toMatchObject({ status: code, stderr: '' })
})

// Init of a pid namespace is deaf to signals from inside it, so the container shares the host's here.
test.each([
  ['TERM', 15],
  ['KILL', 9],
  ['SEGV', 11],
])('death by SIG%s becomes 128 + the number', (signal, number) => {
  const result = runScript(`kill -${signal} $$; sleep 5`, config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.maskedPaths = []
    config.linux.readonlyPaths = []
  })
  expect(result).toMatchObject({ status: 128 + number, signal: null })
})

test('the program sees its own name, its hostname and who it is', () => {
  expect(inside('cat /proc/1/comm; hostname; id; echo $$')).toBe('sh\ninside\nuid=0(root) gid=0(root)\n1')
})

test('100 MB pass through stdin unchanged', () => {
  const directory = makeDirectory()
  const bundle = makeBundle(config => {
    config.process.args = ['sha256sum']
  })
  must(['dd', 'if=/dev/urandom', `of=${directory}/data`, 'bs=1M', `count=${MEGABYTES}`])
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const pipe = `cat ${directory}/data | ${words.join(' ')}`
  const wanted = must(['sha256sum', `${directory}/data`]).split(' ')[0]
  expect(must(['sh', '-c', pipe]).split(' ')[0]).toBe(wanted)
})

test('100 MB pass through stdout unchanged', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', `dd if=/dev/zero bs=1M count=${MEGABYTES} 2>/dev/null; printf end`]
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  expect(must(['sh', '-c', `${words.join(' ')} | wc -c`]).trim()).toBe(String(MEGABYTES * 1024 * 1024 + 3))
})

test('end of file on stdin reaches the program', () => {
  expect(runArgs(['cat'], () => {}, { input: 'to the end' })).toMatchObject({ status: 0, stdout: 'to the end' })
})

test('run removes its container afterwards', () => {
  const bundle = makeBundle()
  const id = fresh()
  expect(oci(['run', '--bundle', bundle.directory, id]).status).toBe(0)
  expect(existsSync(join(stateRoot, id))).toBe(false)
})

test('run removes its container when the program fails', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['false']
  })
  const id = fresh()
  expect(oci(['run', '--bundle', bundle.directory, id]).status).toBe(1)
  expect(existsSync(join(stateRoot, id))).toBe(false)
})

// runc has the option since 1.1.
test('run --keep leaves the stopped container for delete', () => {
  const bundle = makeBundle()
  const id = removeLater(fresh())
  expect(oci(['run', '--keep', '--bundle', bundle.directory, id]).status).toBe(0)
  expect(stateOf(id).status).toBe('stopped')
  expect(oci(['delete', id]).status).toBe(0)
})

test('run --detach returns while the program runs, and tells its pid', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.05; done"]
  })
  const pidFile = join(bundle.directory, 'pid')
  const container = tryCreate(bundle, ['--pid-file', pidFile], fresh(), ['run', '--detach'])
  expect(container.created).toMatchObject({ status: 0, stderr: '' })
  expect(container.state()).toMatchObject({ status: 'running', pid: Number(readFileSync(pidFile, 'utf8')) })
})

test.skipIf(!isTsrun)(
  'run takes a directory with a config.json for the bundle, and its name for the id (tsrun only)',
  () => {
    const bundle = makeBundle(config => {
      config.process.args = ['echo', 'short']
    })
    expect(oci(['run', bundle.directory])).toMatchObject({ status: 0, stdout: 'short\n', stderr: '' })
  },
)

test.skipIf(isCrun)('SIGURG to the runtime does not reach the program (crun: does)', async () => {
  const bundle = makeBundle(config => {
    const script = `trap 'echo urgent' URG; trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done`
    config.process.args = ['sh', '-c', script]
  })
  const { child, speaks, done } = launch(command('run', '--bundle', bundle.directory, removeLater(fresh())))
  await speaks
  child.kill('SIGURG')
  child.kill('SIGTERM')
  expect(await done).toMatchObject({ status: 3, stdout: 'ready\n' })
})

test.each(['TERM', 'HUP', 'INT', 'USR1', 'USR2', 'QUIT'] as const)(
  'SIG%s to the runtime reaches the program',
  async signal => {
    const bundle = makeBundle(config => {
      const script = `trap 'echo got it; exit 3' ${signal}; echo ready; while :; do sleep 0.05; done`
      config.process.args = ['sh', '-c', script]
    })
    const { child, speaks, done } = launch(command('run', '--bundle', bundle.directory, removeLater(fresh())))
    await speaks
    child.kill(`SIG${signal}`)
    expect(await done).toMatchObject({ status: 3, stdout: 'ready\ngot it\n' })
  },
)

test('a signal to the runtime that ends the program becomes 128 + the number', async () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'echo ready; exec sleep 20']
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.maskedPaths = []
    config.linux.readonlyPaths = []
  })
  const { child, speaks, done } = launch(command('run', '--bundle', bundle.directory, removeLater(fresh())))
  await speaks
  child.kill('SIGTERM')
  expect(await done).toMatchObject({ status: 143, signal: null })
})

test('the size of our terminal is no matter of a program without one', async () => {
  const bundle = makeBundle(config => {
    config.process.args = [
      'sh',
      '-c',
      'trap "echo resized" WINCH; trap "exit 3" USR1; echo ready; while :; do sleep 0.05; done',
    ]
  })
  const { child, speaks, done } = launch(command('run', '--bundle', bundle.directory, removeLater(fresh())))
  await speaks
  child.kill('SIGWINCH')
  child.kill('SIGUSR1')
  expect(await done).toMatchObject({ status: 3, stdout: 'ready\n' })
})

/** Runs with descriptors 3 and up open on files that hold their number. */
function runWithDescriptors(count: number, flags: string[], script: string, env: Record<string, string> = {}) {
  const directory = makeDirectory()
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', script]
  })
  const descriptors = Array.from({ length: count }, (_, at) => {
    const path = join(directory, String(at + 3))
    writeFileSync(path, `file of ${at + 3}\n`)
    return openSync(path, 'r')
  })
  const words = command('run', ...flags, '--bundle', bundle.directory, removeLater(fresh()))
  // sd_listen_fds(3): the variables count only when LISTEN_PID is the reader's own.
  const result = spawnSync('sh', ['-c', `LISTEN_PID=$$ exec ${words.join(' ')}`], {
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 20_000,
  })
  descriptors.forEach(closeSync)
  return result
}

// The shell opens /proc/self/fd itself; `exec ls` shows the descriptor of the listing as the fourth.
const LIST = 'exec ls /proc/self/fd'

test('only stdin, stdout and stderr are open inside', () => {
  const { stdout } = runWithDescriptors(3, [], LIST)
  expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '3'])
  const names = runWithDescriptors(
    3,
    [],
    'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; readlink /proc/self/fd/3',
  )
  expect(names.stdout.trim().split('\n')).toHaveLength(3)
})

test('--preserve-fds keeps that many descriptors from 3 on', () => {
  const { stdout } = runWithDescriptors(
    3,
    ['--preserve-fds', '2'],
    'cat <&3; cat <&4; readlink /proc/self/fd/5 || echo closed',
  )
  expect(stdout).toBe('file of 3\nfile of 4\nclosed\n')
})

const OPEN = 'cd /proc/self/fd; for fd in *; do [ $fd -gt 2 ] && [ -e $fd ] && echo $fd; done; :'

/** `run` by a shell that opens these descriptors first; what the program sees from 3 on. */
function passed(open: readonly number[], flags: readonly string[], env = ''): string[] {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', OPEN]
  })
  const redirections = [3, 4, 5, 6, 7, 8, 9, ...open].map(fd => `${fd}${open.includes(fd) ? '</etc/hosts' : '<&-'}`)
  const words = command('run', ...flags, '--bundle', bundle.directory, removeLater(fresh()))
  const script = `exec ${redirections.join(' ')}\n${env} exec ${words.join(' ')}`
  return must(['bash', '-c', script]).trim().split('\n').filter(Boolean)
}

// runc wants every one of them to be open.
test.skipIf(isRunc).each([
  ['one behind a gap', [5], ['--preserve-fds', '3'], '', ['5']],
  ['between gaps, and one too many', [4, 6, 9], ['--preserve-fds=5'], '', ['4', '6']],
  ['none', [], ['--preserve-fds', '4'], '', []],
  ['far more than there are', [5, 100], ['--preserve-fds', '200'], '', ['100', '5']],
  ['after LISTEN_FDS', [3, 6], ['--preserve-fds', '3'], 'LISTEN_FDS=1', ['3', '6']],
  ['of LISTEN_FDS', [4], [], 'LISTEN_FDS=2', ['4']],
  ['of fewer than none', [3], ['--preserve-fds', '-1'], '', []],
])('preserved descriptors may have gaps: %s', (_, open, flags, env, expected) => {
  expect(passed(open, flags, env)).toEqual(expected)
})

test.skipIf(isCrun)('LISTEN_FDS passes sockets and tells init about them (crun: without LISTEN_FDS inside)', () => {
  const { stdout } = runWithDescriptors(2, [], 'cat <&3; cat <&4; echo $LISTEN_FDS $LISTEN_PID', { LISTEN_FDS: '2' })
  expect(stdout).toBe('file of 3\nfile of 4\n2 1\n')
})

test('--preserve-fds counts after LISTEN_FDS', () => {
  const { stdout } = runWithDescriptors(
    3,
    ['--preserve-fds', '1'],
    'cat <&3; cat <&4; readlink /proc/self/fd/5 || echo closed',
    {
      LISTEN_FDS: '1',
    },
  )
  expect(stdout).toBe('file of 3\nfile of 4\nclosed\n')
})

test('the environment is that of the configuration, in its order', () => {
  const result = runArgs(['env'], config => {
    config.process.env = ['PATH=/bin', 'B=2', 'A=1', 'EMPTY=', 'QUOTED=a b=c']
    config.process.user = { uid: 0, gid: 0 }
  })
  const lines = result.stdout
    .trim()
    .split('\n')
    .filter(line => !/^(HOME|PWD|SHLVL)=/.test(line))
  expect(lines).toEqual(['PATH=/bin', 'B=2', 'A=1', 'EMPTY=', 'QUOTED=a b=c'])
})

test("nothing of the caller's environment gets inside", () => {
  const result = runArgs(['env'], () => {}, { env: { ...process.env, SECRET: 'of the caller', LD_PRELOAD: '' } })
  expect(result.stdout).not.toContain('SECRET')
})

test('the runtime needs no PATH and no HOME of its own', () => {
  expect(runArgs(['echo', 'fine'], () => {}, { env: {} })).toMatchObject({ status: 0, stdout: 'fine\n', stderr: '' })
})

test('signals are at their defaults inside, whatever the caller ignores or blocks', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['grep', '-E', 'Sig(Ign|Blk|Cgt)', '/proc/self/status']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const ignoring = `trap '' PIPE USR1 HUP; exec ${words.join(' ')}`
  const status = must(['sh', '-c', ignoring])
  const zero = '0000000000000000'
  expect(['SigIgn', 'SigBlk', 'SigCgt'].map(name => field(status, name))).toEqual([zero, zero, zero])
})

test('RLIMIT_NOFILE is what the caller had when the configuration does not set it', () => {
  const bundle = makeBundle(config => {
    config.process.rlimits = []
    config.process.args = ['sh', '-c', 'ulimit -Sn; ulimit -Hn']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const limited = `ulimit -Sn 333; ulimit -Hn 4444; exec ${words.join(' ')}`
  expect(must(['bash', '-c', limited])).toBe('333\n4444\n')
})

test('the runtime runs under a low limit of open files', () => {
  const bundle = makeBundle(config => {
    config.process.rlimits = []
    config.process.args = ['echo', 'enough']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  expect(must(['bash', '-c', `ulimit -n 64; exec ${words.join(' ')}`])).toBe('enough\n')
})

test.skipIf(!isTsrun)("the caller's limit of the size of files is not for memory of the runtime", () => {
  const bundle = makeBundle(config => {
    config.process.rlimits = []
    config.process.args = ['sh', '-c', 'ulimit -Sf']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  expect(must(['bash', '-c', `ulimit -S -f 64; exec ${words.join(' ')}`])).toBe('128\n') // of 512 bytes
})

test.skipIf(!isTsrun)('a caller may ignore the end of children, and signals of limits', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'exit 7']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  expect(run(['bash', '-c', `trap '' CHLD; exec ${words.join(' ')}`])).toMatchObject({ status: 7, stderr: '' })
  const again = command('run', '--bundle', bundle.directory, removeLater(fresh())).join(' ')
  const limited = `(ulimit -f 0; exec ${again}) 2>&1 | cat; echo "ended with $PIPESTATUS"`
  expect(run(['bash', '-c', limited]).stdout).toMatch(/^tsrun: [^\n]*EFBIG[^\n]*\nended with 1\n$/)
})

test.skipIf(!isTsrun || process.env['TSRUN_HOST'] === 'node')(
  'a stack without room for the interpreter is a sentence',
  () => {
    const { status, stderr } = run(['bash', '-c', `ulimit -s 32; exec ${runtime.path} --version`])
    expect(status).toBe(1)
    expect(stderr).toMatch(/^tsrun: the stack may not have the 64 KiB [^\n]*\n$/)
  },
)

test("the program leads a session of its own, or stays in the caller's: it never gets a terminal", () => {
  expect(inside('test -c /dev/tty && (: < /dev/tty) 2>&1 | grep -c .')).toBe('1')
})

test('run works with stdin, stdout and stderr closed', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'touch /ran']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const { status } = spawnSync('sh', ['-c', `exec ${words.join(' ')} <&- >&- 2>&-`], { timeout: 20_000 })
  if (isTsrun) expect(status).toBe(0)
  if (status === 0) expect(existsSync(join(bundle.rootfs, 'ran'))).toBe(true)
})

test('run from a directory that is gone works', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['echo', 'here']
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const gone = join(bundle.directory, 'gone')
  const script = `mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec ${words.join(' ')}`
  const { status, stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 20_000 })
  if (isTsrun) expect({ status, stdout }).toEqual({ status: 0, stdout: 'here\n' })
})

test('the pid file is complete when run returns, and is replaced when it exists', () => {
  const bundle = makeBundle()
  const pidFile = join(bundle.directory, 'pid')
  writeFileSync(pidFile, 'what was there before, longer than a pid')
  const container = tryCreate(bundle, ['--pid-file', pidFile])
  expect(readFileSync(pidFile, 'utf8')).toMatch(/^\d+\n?$/)
  expect(statSync(pidFile).isFile()).toBe(true)
  container.remove()
})

test('init is the child of whoever reaps, not of the runtime, which is gone', () => {
  const container = tryCreate(makeBundle())
  const { pid } = container.state()
  const parent = field(readFileSync(`/proc/${pid}/status`, 'utf8'), 'PPid')
  const name = eventually('the parent', () => readFileSync(`/proc/${parent}/comm`, 'utf8').trim())
  expect(name).not.toMatch(new RegExp(`^${runtime.name}`))
})

test('foreground run ends when the program does, and takes its children with it', () => {
  const result = runBundle(
    makeBundle(config => {
      config.process.args = ['sh', '-c', 'sleep 20 & exit 4']
    }),
  )
  expect(result.status).toBe(4)
})
