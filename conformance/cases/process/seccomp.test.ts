// Filters of system calls, seen from inside: what single calls answer, what the kernel says of the process, and an agent.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { command, create, inside, oci, removeLater, runArgs, runBundle, runScript } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { field, have, isRoot } from '../../lib/machine.ts'
import { run } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import {
  allowingAllBut,
  armProgram,
  compileProbe,
  isX86,
  linesOf,
  MKDIR,
  NATIVE,
  numberOf,
  PROBE,
  podmanDefault,
  RMDIR,
  startAgent,
  withProfile,
} from '../../lib/seccomp.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const skip = !isRoot || !have('cc')
const it = test.skipIf(skip)
beforeAll(() => void (skip || compileProbe()))

const GETPPID = numberOf('getppid')
const GETPGID = numberOf('getpgid')
const GETSID = numberOf('getsid')
const PERSONALITY = numberOf('personality')
const NEWEST = 100_000
const X32_BIT = 0x40000000

/** The results of calls made inside, one a line of words for the probe. */
function results(profile: Parameters<typeof withProfile>[0], ...calls: string[]): number[] {
  const script = calls.map(call => `${PROBE} call ${call}`).join('\n')
  return inside(script, withProfile(profile)).split('\n').map(Number)
}

it('a call fails with the errno of its rule, EPERM where none is given', () => {
  const profile = allowingAllBut(
    { names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 },
    { names: ['personality'], action: 'SCMP_ACT_ERRNO' },
  )
  expect(results(profile, `${GETPPID}`, `${PERSONALITY}`)).toEqual([-95, -1])
})

it('conditions look at all 64 bits of an argument', () => {
  const profile = allowingAllBut({
    names: ['personality'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 95,
    args: [{ index: 0, value: 0xffff_ffff, op: 'SCMP_CMP_GT' }],
  })
  expect(results(profile, `${PERSONALITY} 0xffffffff`, `${PERSONALITY} 0x100000000`)).toEqual([0, -95])
})

it('a mask and two conditions on one argument', () => {
  const profile = allowingAllBut(
    {
      names: ['getppid'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 95,
      args: [{ index: 1, value: 0xf0, valueTwo: 0x50, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    {
      names: ['getsid'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 95,
      args: [3, 4].map(value => ({ index: 0, value, op: 'SCMP_CMP_EQ' })),
    },
  )
  const calls = [`${GETPPID} 0 0x15f`, `${GETPPID} 0 0x16f`, `${GETSID} 3`, `${GETSID} 4`, `${GETSID} 5`]
  expect(results(profile, ...calls).map(result => result === -95)).toEqual([true, false, true, true, false])
})

it.each(['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL', 'SCMP_ACT_TRAP'])('%s ends the program with SIGSYS', action => {
  const profile = allowingAllBut({ names: ['getppid'], action })
  expect(runArgs([PROBE, 'call', `${GETPPID}`], withProfile(profile)).status).toBe(128 + 31)
})

it('SCMP_ACT_LOG lets a call through, SCMP_ACT_TRACE without a tracer does not', () => {
  const profile = allowingAllBut(
    { names: ['getpgid'], action: 'SCMP_ACT_LOG' },
    { names: ['personality'], action: 'SCMP_ACT_TRACE' },
  )
  expect(results(profile, `${GETPGID} 0`, `${PERSONALITY}`)).toEqual([expect.any(Number), -38])
  expect(results(profile, `${GETPGID} 0`)[0]).toBeGreaterThan(0)
})

it('a call that is newer than the profile is not there, an older one is refused', () => {
  if (isCrun) return // leaves that to the profile
  const profile = { ...podmanDefault(), defaultErrnoRet: 1 }
  expect(results(profile, `${NEWEST}`, `${PERSONALITY} 3`)).toEqual([-38, -1])
})

test.skipIf(skip || !isX86)(
  'calls of x32 are killed where it is not listed, and have their own rules where it is',
  () => {
    const call = [PROBE, 'call', `${X32_BIT + GETPPID}`]
    const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 })
    expect(runArgs(call, withProfile(profile)).status).toBe(128 + 31)
    const listed = { ...profile, architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X32'] }
    expect(runArgs(call, withProfile(listed)).stdout).toBe('-95\n')
  },
)

test.skipIf(skip || isX86)(
  'a 32-bit program is killed where ARM is not listed, and has its own numbers where it is',
  () => {
    const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 })
    const ended = (...architectures: string[]) =>
      runArgs(
        ['/bin/arm'],
        withProfile({ ...profile, architectures }, (_, rootfs) =>
          writeFileSync(join(rootfs, 'bin/arm'), armProgram(), { mode: 0o755 }),
        ),
      )
    const alone = ended(NATIVE)
    if (/ENOEXEC/.test(alone.stderr)) return // a processor or kernel without 32 bits
    expect(alone.status).toBe(128 + 31)
    expect(ended('SCMP_ARCH_ARM').status).toBe(95)
  },
)

test.skipIf(skip || !isX86)('an unlisted architecture is killed, a listed one has its own numbers', () => {
  // Without 32-bit support the kernel ends the program itself, by another signal.
  const call = [PROBE, 'call32', '64']
  const supported = runArgs(call, withProfile(allowingAllBut())).status === 128 + 31
  const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 })
  const listed = { ...profile, architectures: ['SCMP_ARCH_X86'] }
  if (supported) expect(runArgs(call, withProfile(listed)).stdout).toBe('-95\n')
})

it('an unknown name is passed over', () => {
  const profile = allowingAllBut({ names: ['no_such_call', 'getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 })
  expect(results(profile, `${GETPPID}`)).toEqual([-95])
})

it.each([true, false])('the default profile of podman, noNewPrivileges %s', noNewPrivileges => {
  const status = inside(
    'cat /proc/self/status',
    withProfile(podmanDefault(), config => {
      config.process.noNewPrivileges = noNewPrivileges
    }),
  )
  expect(['Seccomp', 'Seccomp_filters', 'NoNewPrivs'].map(name => field(status, name))).toEqual([
    ...['2', '1', noNewPrivileges ? '1' : '0'],
  ])
  // CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE: what loading the filter needed is gone.
  expect(['CapPrm', 'CapEff', 'CapBnd'].map(name => field(status, name))).toEqual(Array(3).fill('0000000020000420'))
})

it('a user without privileges gets it as well, without noNewPrivileges', () => {
  const status = inside(
    'cat /proc/self/status',
    withProfile(podmanDefault(), config => {
      config.process.noNewPrivileges = false
      config.process.user = { uid: 1000, gid: 1000 }
    }),
  )
  expect(['Seccomp', 'NoNewPrivs', 'CapPrm', 'CapEff'].map(name => field(status, name))).toEqual([
    ...['2', '0', '0000000000000000', '0000000000000000'],
  ])
})

it('a profile has to allow nothing but what the program needs', () => {
  if (!isTsrun) return
  const allowed = ['execve', 'exit_group', 'write', 'brk', 'arch_prctl', 'ioctl', 'fstat', 'newfstatat', 'mprotect']
  const rest = [
    'set_tid_address',
    'set_robust_list',
    'rseq',
    'prlimit64',
    'readlinkat',
    'readlink',
    'getrandom',
    'futex',
  ]
  const profile = {
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    syscalls: [{ names: [...allowed, ...rest, 'getppid'], action: 'SCMP_ACT_ALLOW' }],
  }
  for (const noNewPrivileges of [true, false]) {
    const result = runArgs(
      [PROBE, 'call', `${GETPPID}`],
      withProfile(profile, config => {
        config.process.noNewPrivileges = noNewPrivileges
      }),
    )
    expect(result).toMatchObject({ status: 0, stdout: '0\n' })
  }
})

it('all flags but the one of a listener', () => {
  const flags = ['TSYNC', 'LOG', 'SPEC_ALLOW'].map(flag => `SECCOMP_FILTER_FLAG_${flag}`)
  const status = inside('cat /proc/self/status', withProfile({ ...podmanDefault(), flags }))
  expect(field(status, 'Seccomp')).toBe('2')
  expect(field(status, 'Speculation_Store_Bypass')).not.toBe('thread force mitigated')
})

it('in a user namespace', () => {
  const status = inside(
    'cat /proc/self/status',
    withProfile(podmanDefault(), ({ linux, process: program }) => {
      linux.namespaces.push({ type: 'user' })
      linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
      linux.gidMappings = linux.uidMappings
      program.noNewPrivileges = false
    }),
  )
  expect([field(status, 'Seccomp'), field(status, 'NoNewPrivs')]).toEqual(['2', '0'])
})

it('an agent gets the listener once, with the state, and decides', async () => {
  if (isCrun) return // prints the state over several lines and leaves the connection open, which the agent waits for
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket, { [numberOf(MKDIR)]: 13 })
  const profile = {
    ...allowingAllBut({ names: [MKDIR, RMDIR], action: 'SCMP_ACT_NOTIFY' }),
    listenerPath: socket,
    listenerMetadata: 'of the test',
  }
  const script = 'mkdir /tmp/x; echo $?; rmdir /tmp; echo $?; grep Seccomp: /proc/self/status'
  const bundle = makeBundle(
    withProfile(profile, config => {
      config.process.args = ['sh', '-c', script]
      config.annotations = { 'org.example.key': 'value' }
    }),
  )
  const result = runBundle(bundle)
  expect(result).toMatchObject({ status: 0, stdout: '1\n0\nSeccomp:\t2\n' })
  expect(result.stderr).toContain('Permission denied')
  const [, message, received, ...calls] = await linesOf(agent)
  expect(received).toBe('a descriptor, once')
  expect(calls).toEqual([MKDIR, RMDIR].map(name => `${numberOf(name)}`))
  const sent = JSON.parse(message!)
  expect(sent).toMatchObject({
    fds: ['seccompFd'],
    pid: expect.any(Number),
    metadata: 'of the test',
    state: { status: 'creating', bundle: bundle.directory, annotations: { 'org.example.key': 'value' } },
  })
  expect([sent.state.pid, sent.ociVersion]).toEqual([sent.pid, sent.state.ociVersion])
})

it.each([true, false])('an agent may be asked about every call, noNewPrivileges %s', async noNewPrivileges => {
  if (!isTsrun) return // the peers refuse it: they need calls of their own after the filter
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket, { [GETPPID]: 95 })
  const result = runArgs(
    [PROBE, 'call', `${GETPPID}`],
    withProfile({ defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: socket }, config => {
      config.process.noNewPrivileges = noNewPrivileges
    }),
  )
  expect(result).toMatchObject({ status: 0, stdout: '-95\n' })
  const [, , received, first] = await linesOf(agent)
  expect([received, first]).toEqual(['a descriptor, once', `${numberOf('execve')}`]) // execve, and nothing of ours before
})

it('an agent is asked also where start comes later, and where namespaces are joined step by step', async () => {
  if (isCrun) return
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket, { [numberOf(MKDIR)]: 13 })
  const profile = { ...allowingAllBut({ names: [MKDIR], action: 'SCMP_ACT_NOTIFY' }), listenerPath: socket }
  const container = create(
    ['sh', '-c', 'mkdir /tmp/x; echo $?'],
    withProfile(profile, config => {
      config.linux.namespaces.push({ type: 'time' })
      config.linux.timeOffsets = { boottime: { secs: 1000 } }
    }),
  )
  expect(container.start().status).toBe(0)
  container.until('stopped')
  expect(container.output()).toMatch(/Permission denied\n/)
  expect((await linesOf(agent)).slice(2)).toEqual(['a descriptor, once', `${numberOf(MKDIR)}`])
})

it.each([['--debug'], ['--trace', '/dev/null']])('an agent is asked under %s as without', async (...options) => {
  if (!isTsrun) return
  const socket = join(makeDirectory(), 'agent')
  const profile = { ...allowingAllBut({ names: [MKDIR], action: 'SCMP_ACT_NOTIFY' }), listenerPath: socket }
  const bundle = makeBundle(
    withProfile(profile, config => {
      config.process.args = ['sleep', '60']
    }),
  )
  const id = removeLater(fresh())
  const traced = async (...words: string[]) => {
    rmSync(socket, { force: true })
    const agent = await startAgent(socket, { [numberOf(MKDIR)]: 13 })
    const result = run(command(...options, ...words), { timeout: 10_000 })
    return { ...result, agent: (await linesOf(agent)).slice(2) }
  }
  const asked = 'a descriptor, once'
  expect(await traced('run', '--detach', '--bundle', bundle.directory, id)).toMatchObject({ status: 0, agent: [asked] })
  const exec = await traced('exec', id, 'sh', '-c', 'mkdir /tmp/x; echo $?')
  expect(exec).toMatchObject({ status: 0, stdout: '1\n', agent: [asked, `${numberOf(MKDIR)}`] })
})

it('an agent that has gone is told under --debug as without', async () => {
  if (!isTsrun) return
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket)
  const profile = { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: socket }
  const bundle = makeBundle(withProfile(profile))
  const id = removeLater(fresh())
  expect(run(command('--debug', 'create', '--bundle', bundle.directory, id), { timeout: 10_000 }).status).toBe(0)
  await linesOf(agent)
  expect(oci(['start', id], { timeout: 10_000 }).stderr).toMatch(/seccomp agent `.*`: sendmsg: E(PIPE|CONNRESET) /)
})

it('an agent that is not there is an error of create', () => {
  const socket = join(makeDirectory(), 'agent')
  const profile = { ...allowingAllBut({ names: [MKDIR], action: 'SCMP_ACT_NOTIFY' }), listenerPath: socket }
  expectOneSentence(
    runScript('true', withProfile(profile)),
    /failed to connect with seccomp agent: .*agent`: ENOENT .*is the seccomp agent running/,
  )
})

it('an agent that has gone is an error of start, and the container does not run', async () => {
  if (!isTsrun) return
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket)
  const profile = {
    defaultAction: 'SCMP_ACT_NOTIFY',
    listenerPath: socket,
  }
  const container = create(['sh', '-c', 'echo ran'], withProfile(profile))
  await linesOf(agent)
  const started = container.start()
  expectOneSentence(started, /seccomp agent `.*`: sendmsg: E(PIPE|CONNRESET) \(the seccomp agent has closed/)
  container.until('stopped')
  expect(container.output()).not.toContain('ran')
})

it('an execve that the profile refuses is told', () => {
  const profile = allowingAllBut({ names: ['execve'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 })
  expectOneSentence(runScript('true', withProfile(profile)), /execve `\/bin\/sh`: EACCES/)
})

it('what makes no sense is refused', () => {
  const refused = (profile: Parameters<typeof withProfile>[0], words: RegExp) =>
    expectOneSentence(runScript('true', withProfile(profile)), words, 'runc', 'crun')
  refused(
    allowingAllBut({ names: ['mkdirat'], action: 'SCMP_ACT_LOG', errnoRet: 1 }),
    /syscalls\/0\/errnoRet: SCMP_ACT_LOG takes no errno/,
  )
  refused({ ...allowingAllBut(), flags: ['SECCOMP_FILTER_FLAG_NEW'] }, /flags\/0/)
})
