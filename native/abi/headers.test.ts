import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compilers, evaluate } from '../../testing/compiler.ts'
import * as bpf from './bpf.ts'
import * as capability from './capability.ts'
import * as errno from './errno.ts'
import * as fcntl from './fcntl.ts'
import { flagsOf } from './fcntl.ts'
import * as futex from './futex.ts'
import * as mount from './mount.ts'
import * as personality from './personality.ts'
import * as pidfd from './pidfd.ts'
import * as prctl from './prctl.ts'
import * as resource from './resource.ts'
import * as rtnetlink from './rtnetlink.ts'
import * as sched from './sched.ts'
import * as ioprio from './scheduling/ioprio.ts'
import * as mempolicy from './scheduling/mempolicy.ts'
import * as scheduler from './scheduling/scheduler.ts'
import * as seccomp from './seccomp.ts'
import * as signal from './signal.ts'
import * as socket from './socket.ts'
import * as stat from './stat.ts'
import * as termios from './termios.ts'
import * as time from './time.ts'
import * as wait from './wait.ts'

type Module = Readonly<Record<string, unknown>>

const linux = (...names: string[]) => names.map(name => `linux/${name}.h`)

/** The headers of each file. */
const files: Readonly<Record<string, readonly [Module, readonly string[]]>> = {
  'bpf.ts': [bpf, linux('bpf_common', 'filter', 'bpf')],
  'capability.ts': [capability, linux('capability')],
  'errno.ts': [errno, ['errno.h']],
  'fcntl.ts': [fcntl, ['fcntl.h', ...linux('openat2', 'close_range', 'memfd'), 'sys/file.h', 'unistd.h']],
  'futex.ts': [futex, linux('futex')],
  'mount.ts': [mount, [...linux('mount'), 'fcntl.h', 'sys/mount.h']],
  'personality.ts': [personality, linux('personality')],
  'pidfd.ts': [pidfd, ['sys/ioctl.h', ...linux('pidfd', 'nsfs')]],
  'prctl.ts': [prctl, linux('prctl')],
  'resource.ts': [resource, ['sys/resource.h']],
  'rtnetlink.ts': [rtnetlink, ['net/if.h', ...linux('netlink', 'rtnetlink', 'if_link', 'if_addr')]],
  'sched.ts': [sched, linux('sched')],
  'scheduling/ioprio.ts': [ioprio, linux('ioprio')],
  'scheduling/mempolicy.ts': [mempolicy, linux('mempolicy')],
  'scheduling/scheduler.ts': [scheduler, linux('sched')],
  'seccomp.ts': [seccomp, linux('seccomp')],
  'signal.ts': [signal, ['signal.h']],
  'socket.ts': [socket, ['sys/socket.h', 'poll.h', 'net/if.h', 'sys/ioctl.h']],
  'stat.ts': [stat, linux('stat')],
  'termios.ts': [termios, ['asm/termbits.h', 'asm/ioctls.h', 'sys/ioctl.h']],
  'time.ts': [time, ['time.h', 'sys/time.h']],
  'wait.ts': [wait, ['signal.h', 'sys/wait.h', 'linux/magic.h', 'sys/statvfs.h']],
}

/** What has another name in C. */
const names: Readonly<Record<string, string>> = {
  LINUX: 'PER_LINUX',
  LINUX32: 'PER_LINUX32',
  SCHED_OTHER: 'SCHED_NORMAL',
  SECCOMP_DATA_NR: 'offsetof(struct seccomp_data, nr)',
  SECCOMP_DATA_ARCH: 'offsetof(struct seccomp_data, arch)',
  SECCOMP_DATA_ARGS: 'offsetof(struct seccomp_data, args)',
  SECCOMP_DATA_SIZE: 'sizeof(struct seccomp_data)',
}

/** What only comments of the headers name, or what means something else there, see the comments beside them. */
const unsaid = ['SCHED_ISO', 'SIGRTMIN', 'SIGRTMAX']

/** What headers may be too old for. Everything else has to be in them. */
const newer = [
  'MFD_EXEC',
  'MPOL_WEIGHTED_INTERLEAVE',
  'OPEN_TREE_NAMESPACE',
  'PIDFD_GET_INFO',
  'PIDFD_INFO_EXIT',
  'PIDFD_THREAD',
  'SCM_PIDFD',
  'SO_PASSPIDFD',
  'ST_NOSYMFOLLOW',
  'STATX_MNT_ID_UNIQUE',
]

/** Constants and tables of constants; the names of errnos are the other way round. */
function constantsOf(module: Module): [string, number | bigint][] {
  return Object.entries(module).flatMap(([name, entry]): [string, number | bigint][] =>
    typeof entry === 'object'
      ? constantsOf(entry as Module)
      : typeof entry === 'function'
        ? []
        : [[name, entry as number]],
  )
}

/** Numbers of 32 and of 64 bits, with and without a sign, are the same to the kernel. */
const bits = (value: number | bigint) => BigInt.asUintN(64, BigInt(value))

test('every file is compared', () => {
  const present = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter(
    name => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.startsWith('layout/'),
  )
  expect(present.sort()).toEqual(Object.keys(files).sort())
})

const cases = compilers.flatMap(compiler => Object.keys(files).map(name => [name, compiler] as const))

test.each(cases)('%s has the numbers of the headers (%o)', (name, compiler) => {
  const [module, headers] = files[name]!
  const { flagsOf: _, ...common } = module
  const own = module === fcntl ? flagsOf[compiler.arch] : {}
  const constants = constantsOf({ ...common, ...own }).filter(([constant]) => !unsaid.includes(constant))
  expect(constants.length).toBeGreaterThan(0)
  const expressions = constants.map(([constant]) => names[constant] ?? constant)
  const values = evaluate(compiler, headers, expressions)
  const wrong = constants
    .map(([constant, value], i) => ({ constant, value: bits(value), header: values.get(expressions[i]!) }))
    .filter(({ value, header }) => value !== header)
    .filter(({ constant, header }) => header !== undefined || !newer.includes(constant))
  expect(wrong).toEqual([])
})

test.runIf(compilers.length > 0)('errnoName() has the names of the headers', () => {
  const numbers = Array.from({ length: 132 }, (_, i) => i + 1).filter(
    number => !errno.errnoName(number).startsWith('errno '),
  )
  const values = evaluate(compilers[0]!, ['errno.h'], numbers.map(errno.errnoName))
  expect(Object.fromEntries(numbers.map(number => [errno.errnoName(number), number]))).toEqual(
    Object.fromEntries([...values].map(([text, value]) => [text, Number(value)])),
  )
})

test('a constant that stands alone agrees with the table beside it', () => {
  for (const [table, module] of [
    [capability.capabilities, capability],
    [signal.signals, signal],
    [resource.resources, resource],
  ] as [Record<string, number>, Module][]) {
    for (const [name, number] of Object.entries(table)) expect(module[name] ?? number, name).toBe(number)
  }
})

test('CLONE_IO is positive until it is combined', () => {
  expect(sched.CLONE_IO).toBeGreaterThan(0)
  expect((sched.CLONE_IO | sched.CLONE_NEWNS) >>> 0).toBe(0x80020000)
})
