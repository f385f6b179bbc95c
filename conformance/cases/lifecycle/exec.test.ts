// `exec`: another program in a running container, seen from inside.

import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { command, create, createRunning } from '../../lib/container.ts'
import { cgroupOf, exec, execAfter, expectNoProgram, look } from '../../lib/exec.ts'
import { cgroup2Mount, field, isAlive } from '../../lib/machine.ts'
import { eventually, launch } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']

/** Bits of <linux/capability.h>. */
const BIT: Record<string, number> = { AUDIT_WRITE: 29, CHOWN: 0, KILL: 5, NET_BIND_SERVICE: 10, SYS_ADMIN: 21 }

function mask(...names: string[]): string {
  const bits = names.reduce((sum, name) => sum | (1n << BigInt(BIT[name]!)), 0n)
  return bits.toString(16).padStart(16, '0')
}

function status(container: { id: string }, ...flags: string[]): string {
  return look(container, 'cat /proc/self/status', ...flags)
}

/** The content of a process.json. */
function processFile(content: object): string {
  const path = join(makeDirectory(), 'process.json')
  writeFileSync(path, JSON.stringify({ cwd: '/', ...content }))
  return path
}

test("the program is in the first process's namespaces", () => {
  const container = createRunning(config => {
    config.linux.namespaces.push({ type: 'cgroup' })
  })
  const links = (pid: number | string) => NAMESPACES.map(name => `readlink /proc/${pid}/ns/${name}`).join('; ')
  expect(look(container, links('self')).split('\n')).toEqual(look(container, links(1)).split('\n'))
  expect(look(container, 'hostname; echo $$').split('\n')[0]).toBe('inside')
})

test('the program is in the cgroup of the container', () => {
  const container = createRunning()
  expect(look(container, 'cat /proc/self/cgroup')).toBe(look(container, 'cat /proc/1/cgroup'))
})

test("it runs as the container's own process does, but for the command", () => {
  const container = createRunning(config => {
    config.process.user = { uid: 1000, gid: 1001, additionalGids: [5], umask: 0o27 }
    config.process.cwd = '/usr'
    config.process.env.push('COLOUR=blue')
    config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }]
    config.process.oomScoreAdj = 77
  })
  const text = look(container, 'pwd; umask; echo $COLOUR; ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj; id -G')
  expect(text.split('\n')).toEqual(['/usr', '0027', 'blue', '100', '200', '77', '1001 5'])
  const fields = ['Uid', 'Gid', 'CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp']
  const own = look(container, 'cat /proc/1/status')
  for (const name of fields) expect([name, field(status(container), name)]).toEqual([name, field(own, name)])
})

test('a change of config.json after create means nothing', () => {
  const container = createRunning()
  container.bundle.config.process.env.push('LATE=yes')
  container.bundle.save()
  expect(look(container, 'echo "<$LATE>"')).toBe(isRunc ? '<yes>' : '<>')
})

test('--cwd, --env and --user', () => {
  const container = createRunning(config => {
    config.process.env.push('COLOUR=blue')
  })
  expect(look(container, 'pwd', '--cwd', '/usr')).toBe('/usr')
  expect(look(container, 'echo $COLOUR $SIZE', '--env', 'COLOUR=red', '--env', 'SIZE=1=2')).toBe('red 1=2')
  expect(look(container, 'id -u; id -g; echo $HOME', '--user', '1000:1001')).toBe('1000\n1001\n/home/alice')
  expect(look(container, 'id -u; id -g; echo $HOME', '-u', '4711')).toBe('4711\n0\n/')
  expect(look(container, 'id -u; id -g', '-u', '+1000:+1001')).toBe('1000\n1001')
  expect(look(container, 'id -u; id -g', '-u', '-0:01001')).toBe('0\n1001')
})

test('--user without a group keeps the groups of the container', () => {
  const container = createRunning(config => {
    config.process.user = { uid: 1, gid: 1001, additionalGids: [5] }
  })
  expect(look(container, 'id -u; id -G', '--user', '1000')).toBe(isCrun ? '1000\n0' : '1000\n1001 5')
})

test.skipIf(isCrun)('--additional-gids adds groups (crun has no such option)', () => {
  const container = createRunning(config => {
    config.process.user.additionalGids = [5]
  })
  expect(look(container, 'id -G', '--user', '1000:1000', '-g', '100', '-g', '65534')).toBe('1000 5 100 65534')
})

test.each(['foo', '-1', '+-1', ' 1', '1 ', '0x1', '1.0', '4294967295', '4294967296', '1:', ':1', '1:2:3', '1:foo'])(
  '--user `%s` is refused, and nothing runs as root instead (CVE-2026-30892)',
  user => {
    const container = createRunning()
    expectNoProgram(exec(container, ['id'], [`--user=${user}`]), /--user/, 'runc', 'crun')
  },
)

test('--cap adds to the bounding, permitted and effective sets, and to no other', () => {
  const container = createRunning()
  const text = status(container, '--cap', 'CAP_SYS_ADMIN')
  const own = isCrun ? [] : ['AUDIT_WRITE', 'KILL', 'NET_BIND_SERVICE']
  for (const set of ['CapBnd', 'CapPrm', 'CapEff']) expect(field(text, set)).toBe(mask('SYS_ADMIN', ...own))
  for (const set of ['CapInh', 'CapAmb']) expect(field(text, set)).toBe(mask())
})

test.skipIf(!isTsrun)('--cap-drop, --cap-set and --cap-add (tsrun only)', () => {
  const container = createRunning()
  const effective = (...flags: string[]) => field(status(container, ...flags), 'CapEff')
  expect(effective('--cap-drop', 'kill')).toBe(mask('AUDIT_WRITE', 'NET_BIND_SERVICE'))
  expect(effective('--cap-drop', 'ALL', '--cap-add', 'CAP_CHOWN')).toBe(mask('CHOWN'))
  expect(effective('--cap-set', 'CAP_KILL,CAP_CHOWN')).toBe(mask('KILL', 'CHOWN'))
  expect(effective('--cap-set', 'none')).toBe(mask())
  expect(field(status(container, '--cap-set', 'none'), 'CapBnd')).toBe(mask())
  expectNoProgram(exec(container, ['true'], ['--cap-drop', 'CAP_FLY']), /CAP_FLY/)
  expect(exec(container, ['true'], ['--cap-add', 'CAP_FLY']).stderr).toMatch(/warning.*CAP_FLY/)
})

test('--no-new-privs', () => {
  const container = createRunning(config => {
    config.process.noNewPrivileges = false
  })
  expect(field(status(container), 'NoNewPrivs')).toBe('0')
  expect(field(status(container, '--no-new-privs'), 'NoNewPrivs')).toBe('1')
})

test.skipIf(isCrun)('a container with no_new_privs has them in exec, too (crun: not)', () => {
  const container = createRunning(config => {
    config.process.noNewPrivileges = true
  })
  expect(field(status(container), 'NoNewPrivs')).toBe('1')
})

test('an environment variable without a name or a value is an error', () => {
  const container = createRunning()
  for (const entry of ['s3cret', '=s3cret']) {
    const result = exec(container, ['env'], ['--env', 'A=b', '--env', entry])
    expectNoProgram(result, /--env.*2\./, 'crun')
    expect(result.stderr).not.toContain('s3cret') // what has no name may be a value
  }
})

test('input, output and exit code pass through', () => {
  const container = createRunning()
  const result = exec(container, ['sh', '-c', 'cat; echo bad >&2; exit 42'], [], { input: 'by stdin' })
  expect(result).toEqual({ status: 42, signal: null, stdout: 'by stdin', stderr: 'bad\n' })
  expect(exec(container, ['false']).status).toBe(1)
})

test('words behind the id are for the program, options or not', () => {
  const container = createRunning()
  expect(exec(container, ['echo', '--cwd', '-n', '--', 'x']).stdout).toBe('--cwd -n -- x\n')
})

test.each([
  ['KILL', 137],
  ['TERM', 143],
])('a program that SIG%s ends is 128 + n', (signal, code) => {
  const container = createRunning()
  expect(exec(container, ['sh', '-c', `kill -${signal} $$`]).status).toBe(code)
})

test('signals are passed on to the program', async () => {
  const container = createRunning()
  const script = "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
  const { child, speaks, done } = launch(command('exec', container.id, 'sh', '-c', script))
  await speaks
  child.kill('SIGTERM')
  expect(await done).toMatchObject({ status: 9, stdout: 'ready\ngot\n' })
  expect(container.state().status).toBe('running')
})

test('a program that is missing, a directory, or not executable is one sentence and 255', () => {
  const container = createRunning()
  expectNoProgram(
    exec(container, ['no-such']),
    /executable file `no-such` not found in \$PATH.*no such file or directory/,
  )
  expectNoProgram(exec(container, ['/no/such']), /\/no\/such.*no such file or directory/)
  expectNoProgram(exec(container, ['/etc/passwd']), /\/etc\/passwd.*permission denied/)
  expectNoProgram(exec(container, ['/etc']), /\/etc.*permission denied/)
})

test('a program whose interpreter is missing, or that is none, is one sentence too', () => {
  const container = createRunning((_, rootfs) => {
    writeFileSync(join(rootfs, 'bin/orphan'), '#!/no/interpreter\n')
    writeFileSync(join(rootfs, 'bin/noise'), '\0\0\0\0')
    for (const name of ['orphan', 'noise']) chmodSync(join(rootfs, 'bin', name), 0o755)
  })
  expectNoProgram(exec(container, ['orphan']), /execve `\/bin\/orphan`.*no such file or directory/, 'crun')
  expectNoProgram(exec(container, ['noise']), /execve `\/bin\/noise`.*ENOEXEC.*exec format error/, 'crun')
})

test('--detach returns when the program runs, and the pid file has its pid', () => {
  const container = createRunning()
  const pidFile = join(makeDirectory(), 'pid')
  const result = exec(container, ['sleep', '1000'], ['--detach', '--pid-file', pidFile])
  expect(result).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
  const text = readFileSync(pidFile, 'utf8')
  expect(text).toMatch(/^\d+$/)
  expect(readFileSync(`/proc/${text}/cmdline`, 'utf8')).toBe('sleep\x001000\0')
  expect(readFileSync(`/proc/${text}/cgroup`, 'utf8')).toBe(
    readFileSync(`/proc/${container.state().pid}/cgroup`, 'utf8'),
  )
  container.kill('KILL')
  eventually('the program to end with the container', () => !isAlive(Number(text)))
})

test('in the foreground there is a pid file, too', () => {
  const container = createRunning()
  const pidFile = join(makeDirectory(), 'pid')
  expect(exec(container, ['true'], ['--pid-file', pidFile]).status).toBe(0)
  expect(readFileSync(pidFile, 'utf8')).toMatch(/^\d+$/)
})

test('no pid file is left of a program that could not be executed', () => {
  const container = createRunning((_, rootfs) => {
    writeFileSync(join(rootfs, 'bin/noise'), '\0\0\0\0')
    chmodSync(join(rootfs, 'bin/noise'), 0o755)
  })
  const pidFile = join(makeDirectory(), 'pid')
  for (const program of ['no-such', 'noise'])
    expectNoProgram(
      exec(container, [program], ['--detach', '--pid-file', pidFile]),
      new RegExp(program),
      'crun',
      'runc',
    )
  if (isTsrun) expect(existsSync(pidFile)).toBe(false)
})

test('a pid file that can not be written is an error, and no program runs', () => {
  const container = createRunning()
  expectNoProgram(exec(container, ['touch', '/made'], ['--pid-file', '/no/such/file']), /\/no\/such\/file/)
  if (isTsrun) expect(existsSync(join(container.bundle.rootfs, 'made'))).toBe(false)
})

test('--preserve-fds passes descriptors on, and no others', () => {
  const container = createRunning()
  const file = join(makeDirectory(), 'data')
  writeFileSync(file, 'from outside\n')
  const held = `exec 3</dev/null 4<'${file}' 5</etc/hosts 9</etc/hosts`
  expect(execAfter(container, held, ['cat', '/proc/self/fd/4'], ['--preserve-fds', '2']).stdout).toBe('from outside\n')
  expect(listed(container, held, '--preserve-fds', '2')).toEqual(['0', '1', '2', '3', '4', 'directory'])
})

/** The descriptors of the program, a shell, which has the directory open as the last one while it lists it. */
function listed(container: { id: string }, preparation: string, ...flags: string[]): string[] {
  const { stdout } = execAfter(container, preparation, ['sh', '-c', 'cd /proc/self/fd; echo *'], flags)
  return [...stdout.trim().split(' ').slice(0, -1), 'directory']
}

// runc wants every one of them to be open.
test.skipIf(isRunc)('descriptors to be preserved may have gaps', () => {
  const container = createRunning()
  const held = 'exec 3<&- 4<&- 5</etc/hosts 6<&- 7</etc/hosts 9</etc/hosts'
  const script = 'for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && echo $fd; done'
  expect(execAfter(container, held, ['sh', '-c', script], ['--preserve-fds', '5']).stdout).toBe('5\n7\n')
  expect(exec(container, ['true'], ['--preserve-fds', '40']).status).toBe(0)
})

test.skipIf(!isTsrun)('socket activation reaches the program with its own pid (tsrun only)', () => {
  const container = createRunning()
  const script = 'echo $LISTEN_FDS; [ $LISTEN_PID = $$ ] && echo mine; cat <&3'
  const file = join(makeDirectory(), 'data')
  writeFileSync(file, 'activated\n')
  const preparation = `exec 3<'${file}'; export LISTEN_FDS=1 LISTEN_PID=$$`
  expect(execAfter(container, preparation, ['sh', '-c', script]).stdout).toBe('1\nmine\nactivated\n')
})

test('nothing that the caller or the runtime has open gets in', () => {
  const container = createRunning()
  expect(listed(container, 'exec 5</etc/hosts 8</ 9</etc')).toEqual(['0', '1', '2', 'directory'])
})

test('--process: what the file says', () => {
  const container = createRunning(config => {
    config.process.env.push('COLOUR=blue')
  })
  const file = processFile({
    args: [
      'sh',
      '-c',
      'pwd; id -u; id -G; umask; echo "<$COLOUR>" $SIZE; ulimit -n; grep NoNewPrivs /proc/self/status',
    ],
    env: ['PATH=/bin', 'SIZE=3'],
    cwd: '/usr',
    user: { uid: 1000, gid: 1001, additionalGids: [7], umask: 0o77 },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 55, hard: 66 }],
    noNewPrivileges: true,
  })
  const { stdout, stderr } = exec(container, [], ['--process', file])
  expect([stderr, ...stdout.trim().split('\n')]).toEqual([
    '',
    '/usr',
    '1000',
    '1001 7',
    isRunc ? '0022' : '0077', // runc knows the umask of config.json only
    '<> 3',
    '55',
    'NoNewPrivs:\t1',
  ])
})

test("--process: capabilities that the file does not mention are the container's", () => {
  const container = createRunning()
  const args = ['grep', 'CapEff', '/proc/self/status']
  const run = (content: object) =>
    exec(container, [], ['-p', processFile({ args, env: ['PATH=/bin'], ...content })]).stdout.trim()
  expect(run({})).toBe(`CapEff:\t${mask('AUDIT_WRITE', 'KILL', 'NET_BIND_SERVICE')}`)
  expect(run({ capabilities: {} })).toBe(`CapEff:\t${mask()}`)
})

test('--process: mistakes in the file are told by place, and a missing file by name', () => {
  const container = createRunning()
  const wrong = (content: object) => exec(container, [], ['--process', processFile(content)])
  expectNoProgram(wrong({ args: [] }), /\/args: /)
  expectNoProgram(wrong({ args: ['true'], cwd: 'usr' }), /\/cwd: /, 'crun', 'runc')
  expectNoProgram(exec(container, [], ['--process', '/no/such.json']), /\/no\/such\.json/)
})

test('beside --process a command is ignored', () => {
  const { stdout, stderr, status } = exec(
    createRunning(),
    ['echo', 'line'],
    ['--process', processFile({ args: ['echo', 'file'] })],
  )
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'file\n' })
  if (isTsrun) expect(stderr).toMatch(/^tsrun: warning: --process says what to run/)
})

test.skipIf(!isTsrun)('without a command there is nothing to run (tsrun only)', () => {
  expectNoProgram(exec(createRunning(), []), /command/)
})

test('a missing working directory is an error that names it', () => {
  const container = createRunning()
  expectNoProgram(exec(container, ['pwd'], ['--cwd', '/no/such']), /\/no\/such/)
  expectNoProgram(exec(container, ['pwd'], ['--cwd', '/etc/passwd']), /\/etc\/passwd/)
  expect(existsSync(join(container.bundle.rootfs, 'no'))).toBe(false)
})

test('a created container can be entered', () => {
  const container = create(['true'])
  const mounts = readlinkSync(`/proc/${container.state().pid}/ns/mnt`)
  expect(look(container, 'hostname; readlink /proc/self/ns/mnt')).toBe(`inside\n${mounts}`)
  expect(container.state().status).toBe('created')
  expect(container.start().status).toBe(0)
})

test('a stopped container and one that is not there are errors', () => {
  const container = createRunning()
  container.kill('KILL')
  container.until('stopped')
  expectNoProgram(exec(container, ['true']), /cannot exec in a stopped container/)
  expectNoProgram(exec({ id: 'no-such-container' }, ['true']), /does not exist/)
})

test.skipIf(!isTsrun)(
  'a paused container is refused, or waited for when told so (tsrun only, in the v2 tree)',
  async () => {
    const container = createRunning()
    const freeze = join(cgroupOf(container.state().pid!), 'cgroup.freeze')
    writeFileSync(freeze, '1')
    container.until('paused')
    later(() => writeFileSync(freeze, '0'))
    expectNoProgram(exec(container, ['true']), /cannot exec in a paused container \(use --ignore-paused to override\)/)
    const { done, child } = launch(command('exec', '--ignore-paused', container.id, 'echo', 'thawed'))
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(child.exitCode).toBeNull()
    writeFileSync(freeze, '0')
    expect(await done).toMatchObject({ status: 0, stdout: 'thawed\n', stderr: '' })
  },
)

test.skipIf(!isTsrun)(
  '--cgroup is a cgroup below that of the container, and never another (tsrun only, in the v2 tree)',
  () => {
    const container = createRunning()
    const cgroup = cgroupOf(container.state().pid!)
    mkdirSync(join(cgroup, 'sub/deep'), { recursive: true })
    const last = (...flags: string[]) =>
      look(container, 'grep ^0:: /proc/self/cgroup', ...flags)
        .split('/')
        .slice(-2)
    const name = cgroup.split('/').at(-1)!
    expect(last('--cgroup', '/').at(-1)).toBe(name)
    expect(last('--cgroup', 'sub')).toEqual([name, 'sub'])
    expect(last('--cgroup', '/sub/deep')).toEqual(['sub', 'deep'])
    expect(last('--cgroup', 'sub/../sub')).toEqual([name, 'sub'])
    for (const path of ['..', '/..', `../${name}`, 'sub/../..', 'sub/../../..'])
      expectNoProgram(exec(container, ['true'], ['--cgroup', path]), /bad sub cgroup path.*out of the cgroup/)
    expectNoProgram(exec(container, ['true'], ['--cgroup', 'nowhere']), /no such cgroup/)
    expectNoProgram(exec(container, ['true'], ['--cgroup', 'cpu:sub']), /controllers/)
    expectNoProgram(exec(container, ['true'], ['--cgroup', 'a', '--cgroup', 'b']), /once/)
  },
)

/** A controller that the v2 tree has got on machines with both versions, too. */
const CONTROLLER = 'hugetlb'

test.skipIf(!isTsrun)(
  'where the cgroup of the container takes no processes, it is the one of its first process',
  context => {
    const tree = cgroup2Mount()
    const has = tree !== undefined && readFileSync(join(tree, 'cgroup.controllers'), 'utf8').includes(CONTROLLER)
    context.skip(!has, `the cgroup v2 tree does not have ${CONTROLLER} here`)
    const container = createRunning(config => {
      config.linux.resources = { hugepageLimits: [{ pageSize: '2MB', limit: 1 << 21 }] }
    })
    const pid = container.state().pid!
    const cgroup = cgroupOf(pid)
    mkdirSync(join(cgroup, 'init'))
    writeFileSync(join(cgroup, 'init/cgroup.procs'), String(pid))
    expect(look(container, 'grep ^0:: /proc/self/cgroup')).not.toMatch(/init$/)
    // A process that has ended is in its cgroup for a moment longer.
    eventually('an empty cgroup', () => {
      try {
        writeFileSync(join(cgroup, 'cgroup.subtree_control'), `+${CONTROLLER}`)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
        return false
      }
    })
    expect(look(container, 'grep ^0:: /proc/self/cgroup')).toMatch(/\/init$/)
    expectNoProgram(exec(container, ['true'], ['--cgroup', '/']), /EBUSY .*--cgroup/)
  },
)

test('the program may be seen and signalled from inside like any other, and its parent is not in there', () => {
  const container = createRunning()
  const pidFile = join(makeDirectory(), 'pid')
  exec(container, ['sleep', '1000'], ['-d', '--pid-file', pidFile])
  const [pid, parent] = look(
    container,
    "for p in /proc/[0-9]*; do grep -q ^sleep.1000 $p/cmdline && cut -d' ' -f1,4 $p/stat; done; true",
  )
    .split('\n')[0]!
    .split(' ')
  expect(parent).toBe('0')
  look(container, `kill ${pid}`)
  eventually('the program to end', () => !isAlive(Number(readFileSync(pidFile, 'utf8'))))
})
