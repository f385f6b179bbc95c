import { expect, test } from 'vitest'
import { EIO, ENOENT } from '../native/abi/errno.ts'
import { AT_FDCWD, O_CREAT, O_RDONLY, O_WRONLY } from '../native/abi/fcntl.ts'
import { launchExecutor } from '../native/executor/launch.ts'
import { createKernel } from '../native/kernel.ts'
import { DirectCalls } from '../native/kernels/direct.ts'
import { kernelContract, type Subject } from './kernel.contract.ts'
import { createScriptedHost, directoryAt, fileAt, Hang, PlannerGone } from './scripted.ts'

function direct(): Subject {
  const host = createScriptedHost({ programs: { '/bin/three': { exit: 3 } } })
  fileAt(host.world.root, '/bin/three', '', 0o755)
  directoryAt(host.world.root, '/tmp/work')
  const kernel = createKernel(new DirectCalls(host))
  const spawn = () => host.spawn({ file: '/bin/three', argv: ['three'], env: [], descriptors: [] })
  return { kernel, directory: '/tmp/work', spawn, release: () => host[Symbol.dispose]() }
}

function throughExecutor(): Subject {
  const host = createScriptedHost()
  directoryAt(host.world.root, '/tmp/work')
  const outside = createKernel(new DirectCalls(host))
  const { kernel } = launchExecutor(host, outside, { passed: [] })
  return { kernel, directory: '/tmp/work', release: () => host[Symbol.dispose]() }
}

const modelled = {
  reason: 'the model has terminals, but nothing comes out of them',
  tests: ['a pseudo-terminal has two ends, a size, and a raw mode'],
}

kernelContract({ name: 'the scripted host', make: direct, skip: [modelled] })
kernelContract({
  name: 'the executor on the scripted host',
  make: throughExecutor,
  skip: [
    modelled,
    {
      reason: 'the executor starts processes only with clone3',
      tests: ['a child is waited for once', 'the pidfd of a child is readable when it has ended'],
    },
  ],
})

function planner(script?: Parameters<typeof createScriptedHost>[0]) {
  const host = createScriptedHost(script)
  return { host, kernel: createKernel(new DirectCalls(host)) }
}

test('every call is in the log, in order, with who made it', () => {
  const { host, kernel } = planner()
  const { kernel: inside } = launchExecutor(host, kernel, { passed: [] })
  const before = host.world.log.length
  kernel.umask(0)
  inside.mkdirat(AT_FDCWD, '/tmp/d', 0o700)
  inside.flush()
  const log = host.world.log.slice(before).map(({ who, name, texts }) => [who, name, ...texts].join(' ').slice(0, 20))
  expect(log).toEqual([
    'planner umask',
    'planner sendto',
    'planner read', // it waits for the answer while the executor goes on
    'tsrun mmap',
    'tsrun read',
    'tsrun close_range',
    'tsrun close_range',
    'tsrun close',
    'tsrun mkdirat /tmp/d',
    expect.stringMatching(/^tsrun write/),
  ])
  expect(host.world.log.map(({ number }) => number)).toEqual(host.world.log.map((_, i) => i + 1))
})

test('a call that is made to fail has no effect', () => {
  const { host, kernel } = planner()
  host.failAt(2, EIO)
  kernel.mkdirat(AT_FDCWD, '/tmp/a', 0o700)
  expect(() => kernel.mkdirat(AT_FDCWD, '/tmp/b', 0o700)).toThrow('mkdirat `/tmp/b`: EIO')
  kernel.mkdirat(AT_FDCWD, '/tmp/c', 0o700)
  expect(host.below('/tmp')).toEqual(['/tmp/a', '/tmp/c'])
})

test('a close that fails closes, as the real one does', () => {
  const { host, kernel } = planner()
  host.failAt(2, EIO)
  kernel.openat(AT_FDCWD, '/tmp', O_RDONLY).close()
  expect(host.descriptors()).toEqual([])
})

test('a killed planner does nothing any more, and its descriptors close', () => {
  const { host, kernel } = planner()
  host.killPlannerAt(2)
  kernel.openat(AT_FDCWD, '/tmp/a', O_WRONLY | O_CREAT)
  expect(() => kernel.mkdirat(AT_FDCWD, '/tmp/b', 0o700)).toThrow(PlannerGone)
  expect(() => kernel.mkdirat(AT_FDCWD, '/tmp/c', 0o700)).toThrow(PlannerGone)
  expect([host.below('/tmp'), host.descriptors()]).toEqual([['/tmp/a'], []])
})

test('an executor ends when its planner is killed', () => {
  const { host, kernel } = planner()
  const { kernel: inside } = launchExecutor(host, kernel, { passed: [] })
  inside.flush()
  expect(host.living()).toEqual([expect.stringContaining('tsrun')])
  host.killPlannerAt(host.world.log.length + 1)
  expect(() => kernel.umask(0)).toThrow(PlannerGone)
  host.world.settle()
  expect(host.living()).toEqual([])
})

test('waiting for what can not happen is told instead of hanging', () => {
  const { kernel } = planner()
  const [one] = kernel.socketpair()
  expect(() => kernel.read(one, 1)).toThrow(Hang)
})

test('a child that nobody waited for is a zombie', () => {
  const { host, kernel } = planner({ programs: { '/bin/x': { exit: 0 } } })
  fileAt(host.world.root, '/bin/x', '', 0o755)
  const pid = host.spawn({ file: '/bin/x', argv: ['x'], env: [], descriptors: [] })
  expect(host.zombies()).toEqual([`${pid} /bin/x`])
  kernel.wait(pid, 0)
  expect(host.zombies()).toEqual([])
})

test('a cgroup holds processes, kills them, and goes when it is empty', () => {
  const { host, kernel } = planner()
  kernel.mkdirat(AT_FDCWD, '/sys/fs/cgroup/a', 0o755)
  expect(host.below('/sys/fs/cgroup/a')).toContain('/sys/fs/cgroup/a/cgroup.procs')
  const process = host.world.newProcess('sleeper', undefined)
  process.cgroup = host.world.cgroups.children.get('a')
  expect(kernel.readTextIfAny(AT_FDCWD, '/sys/fs/cgroup/a/cgroup.procs')).toBe(`${process.pid}\n`)
  expect(kernel.rmdir(AT_FDCWD, '/sys/fs/cgroup/a', [16])).toBe(false)
  kernel.writeControl(AT_FDCWD, '/sys/fs/cgroup/a/cgroup.kill', '1')
  expect(kernel.rmdir(AT_FDCWD, '/sys/fs/cgroup/a', [16])).toBe(true)
  expect(kernel.rmdir(AT_FDCWD, '/sys/fs/cgroup/a', [ENOENT])).toBe(false)
})

test('an unprivileged user maps the own id only, and groups after giving up setgroups', () => {
  const { host, kernel } = planner({ uid: 1000 })
  const process = host.world.newProcess('child', host.world.planner)
  process.userNamespace = { uid_map: '', gid_map: '', setgroups: 'allow' }
  const write = (file: string, text: string) => kernel.writeControl(AT_FDCWD, `/proc/${process.pid}/${file}`, text)
  expect(() => write('uid_map', '0 5000 1\n')).toThrow('EPERM')
  write('uid_map', '0 1000 1\n')
  expect(() => write('gid_map', '0 1000 1\n')).toThrow('EPERM')
  write('setgroups', 'deny')
  write('gid_map', '0 1000 1\n')
  expect(() => write('gid_map', '0 1000 1\n')).toThrow('EPERM')
})
