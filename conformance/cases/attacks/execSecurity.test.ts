// `exec` into containers with user namespaces and as an unprivileged user; what an image could do to a process that joins
// it; many at once; the end of container or runtime in the middle.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { type Config, grantRights } from '../../lib/config.ts'
import { type Change, command, create, createRunning, oci } from '../../lib/container.ts'
import { cgroupOf, exec, expectNoProgram, look } from '../../lib/exec.ts'
import { field, have, isAlive } from '../../lib/machine.ts'
import { eventually, launch, type Result, run } from '../../lib/run.ts'
import { isCrun, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { meetStopper } from '../../lib/stopper.ts'
import { handOver, makeRootless, withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

const BASE = 100_000
const RANGE = 65_536
const LOOP = "trap 'exit 0' TERM; while :; do sleep 0.05; done"

function inUserNamespace(config: Config): void {
  const map = [{ containerID: 0, hostID: BASE, size: RANGE }]
  config.linux.namespaces.push({ type: 'user' })
  config.linux.uidMappings = map
  config.linux.gidMappings = map
}

/** The cgroup is the container's own to manage, as for systemd inside. */
function withOwnCgroups(config: Config): void {
  config.linux.namespaces.push({ type: 'cgroup' })
  config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid'] })
}

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']
const ofProcess = (pid: number) => NAMESPACES.map(name => readlinkSync(`/proc/${pid}/ns/${name}`))
const fromInside = NAMESPACES.map(name => `readlink /proc/self/ns/${name}`).join('; ')

const variants: [string, Change][] = [
  ['a user namespace', inUserNamespace],
  [
    'a user namespace and a cgroup of its own',
    config => {
      inUserNamespace(config)
      withOwnCgroups(config)
    },
  ],
  [
    'clocks of its own',
    config => {
      config.linux.namespaces.push({ type: 'time' })
      config.linux.timeOffsets = { monotonic: { secs: 1000 } }
    },
  ],
  [
    "the host's network and pids",
    config => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network' && type !== 'pid')
    },
  ],
]

test.skipIf(isCrun).each(variants)('a container with %s is entered whole', (_, change) => {
  const container = createRunning(change)
  expect(look(container, fromInside).split('\n')).toEqual(ofProcess(container.state().pid!))
  expect(look(container, 'cat /proc/self/cgroup')).toBe(look(container, `cat /proc/${inPid(container)}/cgroup`))
})

/** The number of the first process inside. */
function inPid(container: ReturnType<typeof createRunning>): string {
  const { pid } = container.state()
  return field(readFileSync(`/proc/${pid}/status`, 'utf8'), 'NSpid')
    .trim()
    .split(/\s+/)
    .at(-1)!
}

test('in a user namespace the program is its root, with all rights there that it asks for and none outside', () => {
  const container = createRunning(config => {
    inUserNamespace(config)
    grantRights(config, ['CAP_SETUID', 'CAP_CHOWN'])
  })
  expect(look(container, 'id -u; id -g; id -G')).toBe('0\n0\n0')
  const pidFile = join(makeDirectory(), 'pid')
  exec(container, ['sleep', '1000'], ['-d', '--user', '7:8', '--pid-file', pidFile])
  const status = readFileSync(`/proc/${readFileSync(pidFile, 'utf8')}/status`, 'utf8')
  expect(field(status, 'Uid').split(/\s+/)[0]).toBe(String(BASE + 7))
  expect(field(status, 'Gid').split(/\s+/)[0]).toBe(String(BASE + 8))
  expect(field(status, 'Groups').trim()).toBe('')
  expectNoProgram(exec(container, ['id'], ['--user', String(RANGE)]), /maps no such user/)
})

test.skipIf(!isTsrun)('a container without a mount namespace is entered at its root (tsrun only)', () => {
  const container = createRunning((config, rootfs) => {
    const types = ['pid', 'ipc', 'uts']
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => types.includes(type))
    config.mounts = []
    delete config.linux.maskedPaths
    delete config.linux.readonlyPaths
    writeFileSync(join(rootfs, 'here'), '')
  })
  expect(exec(container, ['ls', '/here']).stdout).toBe('/here\n')
})

interface Rootless {
  id: string
  oci(...words: string[]): Result
}

/** A container of an unprivileged user: created by `verb`, deleted at the test's end. */
function asUser(verb: string[], change: Change = () => {}): Rootless {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['sh', '-c', LOOP]
    makeRootless(config, user.current)
    change(config, rootfs)
  })
  const root = handOver(user.current, bundle.directory)
  const id = fresh()
  const oci = (...words: string[]) => run(user.current.wrap([runtime.path, '--root', root, ...words]))
  expect(oci(...verb, '--bundle', bundle.directory, id)).toMatchObject({ status: 0 })
  later(() => oci('delete', '--force', id))
  return { id, oci }
}

test('an unprivileged user enters the own container', () => {
  const { id, oci } = asUser(['run', '--detach'])
  expect(oci('exec', id, 'sh', '-c', 'id -u; hostname; exit 7')).toEqual({
    status: 7,
    signal: null,
    stdout: '0\ninside\n',
    stderr: '',
  })
  const { pid } = JSON.parse(oci('state', id).stdout) as { pid: number }
  expect(oci('exec', id, 'sh', '-c', fromInside).stdout.trim().split('\n')).toEqual(ofProcess(pid))
})

test('an unprivileged user does not enter a container that is not started: its first process is protected', () => {
  const { id, oci } = asUser(['create'])
  expectNoProgram(oci('exec', id, 'true'), /not ours to enter.*started/, 'runc', 'crun')
})

test.skipIf(!have('newuidmap'))('subordinate ids can be used in it', () => {
  const { id, oci } = asUser(['run', '--detach'], config => {
    const { uid, gid, subordinate } = user.current
    const map = (own: number) => [
      { containerID: 0, hostID: own, size: 1 },
      { containerID: 1, hostID: subordinate.first, size: subordinate.count },
    ]
    config.linux.uidMappings = map(uid)
    config.linux.gidMappings = map(gid)
    config.process.user = { uid: 5, gid: 6 }
  })
  expect(oci('exec', id, 'id', '-u').stdout).toBe('5\n')
  expect(oci('exec', '--user', '7:8', id, 'sh', '-c', 'id -u; id -G').stdout).toBe('7\n8\n')
})

test('a working directory that is a descriptor of the runtime is refused (CVE-2024-21626)', () => {
  const container = createRunning((_, rootfs) => {
    for (let fd = 3; fd < 20; fd += 1) symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, `fd${fd}`))
  })
  for (let fd = 3; fd < 20; fd += 1)
    for (const cwd of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/..`, `/fd${fd}`]) {
      const result = exec(container, ['pwd'], ['--cwd', cwd])
      expectNoProgram(result, /working directory/)
    }
})

test('a program that is a descriptor of the runtime, or a link to the executor, is not run', () => {
  const container = createRunning((_, rootfs) => {
    symlinkSync('/proc/self/exe', join(rootfs, 'bin/self'))
    writeFileSync(join(rootfs, 'bin/script'), '#!/proc/self/exe\n')
    chmodSync(join(rootfs, 'bin/script'), 0o755)
  })
  // What can be executed that way is the sealed image, which knows no arguments and has no descriptors: it ends at once.
  for (const name of ['self', 'script', '/proc/self/exe']) expect(exec(container, [name]).status).not.toBe(0)
})

/** A program inside that looks at every process it sees, as fast as it can, and tries what a hostile image would. */
const WATCHER = `
import os, sys, time
end = time.time() + float(sys.argv[1])
seen, got = 0, set()

def joining(pid):
    try:
        return open(f'/proc/{pid}/comm').read().strip() == 'tsrun:exec'
    except OSError:
        return False

def attempt(pid, what, work):
    try:
        result = work()
    except OSError:
        return
    if joining(pid):  # else it was the program already
        got.add(f'{what} {result}')

while time.time() < end:
    for pid in os.listdir('/proc'):
        if not pid.isdigit() or not joining(pid):
            continue
        seen += 1
        for name in ('exe', 'root', 'cwd', 'fd/0', 'fd/4', 'fd/6', 'fd/7'):
            attempt(pid, name, lambda: os.readlink(f'/proc/{pid}/{name}'))
        for name in ('mem', 'environ', 'maps'):
            attempt(pid, name, lambda: open(f'/proc/{pid}/{name}', 'rb').read(1))
print(seen, sorted(got))
`

function hostPython(): string[] | undefined {
  if (!existsSync('/usr/bin/python3')) return undefined
  return ['/usr', '/lib', '/lib64'].filter(path => existsSync(path))
}

const python = hostPython()

test.skipIf(!isTsrun || python === undefined).each([
  ['with CAP_SYS_PTRACE in a user namespace', true],
  ['without it', false],
])(
  'a process in the container, %s, can not look into one that joins it (CVE-2016-9962, CVE-2019-5736; tsrun only)',
  async (_, ptrace) => {
    const container = createRunning((config, rootfs) => {
      if (ptrace) {
        inUserNamespace(config)
        grantRights(config, ['CAP_SYS_PTRACE'])
      }
      for (const path of python!) {
        mkdirSync(join(rootfs, path), { recursive: true })
        config.mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] })
      }
      writeFileSync(join(rootfs, 'watch.py'), WATCHER)
    })
    const { done } = launch(command('exec', container.id, '/usr/bin/python3', '/watch.py', '8'))
    const victims = Array.from({ length: 40 }, () => ['exec', container.id, 'true'])
    while (victims.length > 0)
      await Promise.all(
        victims.splice(0, 4).map(words => launch(command(...words)).done.then(({ status }) => expect(status).toBe(0))),
      )
    const { stdout, stderr } = await done
    expect(stderr).toBe('')
    const [seen] = stdout.split(' ')
    expect(stdout.trim()).toBe(`${seen} []`)
    expect(Number(seen)).toBeGreaterThan(0)
  },
)

const canStop = isTsrun && have('cc')

test.skipIf(!canStop)('what exec has when it joins leads nowhere, even with CAP_SYS_PTRACE (tsrun only)', async () => {
  const found = await meetStopper(
    () => {},
    container => exec(container, ['true']),
  )
  expect(found).toEqual([])
})

test.skipIf(!canStop)('what `mounts` brings along leads nowhere, even with CAP_SYS_PTRACE (tsrun only)', async () => {
  const list = join(makeDirectory(), 'mounts.json')
  writeFileSync(
    list,
    JSON.stringify([{ destination: '/added', type: 'bind', source: makeDirectory(), options: ['bind'] }]),
  )
  const found = await meetStopper(
    () => {},
    ({ id }) => {
      for (const deed of ['add', 'remove']) expect(oci(['mounts', deed, id, list])).toMatchObject({ status: 0 })
    },
  )
  // Once it is mounted it is the container's, where `..` leads to its root.
  expect(found.filter(line => !line.endsWith('/added'))).toEqual([])
})

test('50 execs at once', async () => {
  const container = createRunning()
  const codes = Array.from({ length: 50 }, (_, i) => i)
  const results = await Promise.all(
    codes.map(code => launch(command('exec', container.id, 'sh', '-c', `echo ${code}; exit ${code}`)).done),
  )
  expect(results.map(({ status, stdout, stderr }) => [status, stdout, stderr])).toEqual(
    codes.map(code => [code, `${code}\n`, '']),
  )
  expect(look(container, 'ls /proc | grep -c "^[0-9]"')).toMatch(/^[1-6]$/)
})

test('execs race with the end of the container: each ends with a code and at most one sentence', async () => {
  for (let round = 0; round < 6; round += 1) {
    const container = createRunning()
    const execs = Array.from(
      { length: 8 },
      () => launch(command('exec', container.id, 'sh', '-c', 'sleep 0.3; exit 3')).done,
    )
    await new Promise(resolve => setTimeout(resolve, 40 * round))
    const end = round % 2 ? ['delete', '--force', container.id] : ['kill', container.id, 'KILL']
    expect(oci(end)).toMatchObject({ status: 0 })
    for (const { status, signal, stderr } of await Promise.all(execs)) {
      expect(signal).toBeNull()
      expect([1, 3, 137, 255]).toContain(status)
      if (isTsrun) expect(stderr).toMatch(/^(tsrun: [^\n]*\n)?$/)
      if (isTsrun && status === 255) expect(stderr).toMatch(/stopped|does not exist|just being deleted/)
    }
  }
})

test.skipIf(!isTsrun)('a killed runtime leaves no process that is not the program yet (tsrun only)', async () => {
  const container = createRunning()
  const pid = container.state().pid!
  const members = join(cgroupOf(pid), 'cgroup.procs')
  const names = () => readFileSync(members, 'utf8').trim().split('\n').map(nameOf)
  for (let round = 0; round < 20; round += 1) {
    const { child, done } = launch(command('exec', container.id, 'true'))
    await new Promise(resolve => setTimeout(resolve, 3 * round))
    child.kill('SIGKILL')
    await done
    eventually('the executor to end', () => !names().some(name => name.startsWith('tsrun')))
  }
  expect(isAlive(pid)).toBe(true)
})

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8')
  } catch {
    return 'gone'
  }
}

test('the filter of system calls of the container holds for the program', () => {
  const container = createRunning(config => {
    config.linux['seccomp'] = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['sethostname', 'mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
    }
  })
  expect(exec(container, ['mkdir', '/made'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('not permitted'),
  })
  expect(field(look(container, 'cat /proc/self/status'), 'Seccomp')).toBe('2')
})

test.skipIf(isCrun)('the session keyring is the one of the container', () => {
  const container = createRunning(config => {
    delete config.linux.maskedPaths
  }, `cat /proc/keys > /keys; ${LOOP}`)
  const keyring = (text: string) => new RegExp(`^(\\w+) .*_ses\\.${container.id}`, 'm').exec(text)?.[1]
  const keys = join(container.bundle.rootfs, 'keys')
  const own = eventually('the first process to look', () => existsSync(keys) && keyring(readFileSync(keys, 'utf8')))
  expect(keyring(look(container, 'cat /proc/keys'))).toBe(own)
})

test('execCPUAffinity', () => {
  const cpus = execFileSync('nproc', ['--all'], { encoding: 'utf8' })
  if (Number(cpus) < 2) return
  const allowed = (affinity: object | undefined) => {
    const container = createRunning(config => {
      if (affinity) config.process['execCPUAffinity'] = affinity
    })
    return field(look(container, 'cat /proc/self/status'), 'Cpus_allowed_list')
  }
  expect(allowed({ final: '1' })).toBe('1')
  expect(allowed({ initial: '0', final: '1' })).toBe('1')
  const everything = allowed(undefined)
  expect(everything).toMatch(/^0-\d+$/)
  const pinned = run([
    'taskset',
    '-c',
    '0',
    ...command('exec', createRunning().id, 'grep', 'Cpus_allowed_list', '/proc/self/status'),
  ])
  if (!isCrun) expect(pinned.stdout.split('\t')[1]).toBe(`${everything}\n`)
})

test('in a created container there is no way into the process that waits', () => {
  const container = create(['true'])
  const attempt =
    'for f in exe root cwd ns/mnt fd/0; do readlink /proc/1/$f && echo got; done; head -c1 /proc/1/mem; true'
  if (isTsrun) expect(look(container, attempt)).toBe('')
})
