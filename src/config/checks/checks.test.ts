import { expect, test } from 'vitest'
import type { Config, Linux, Mount, Namespace, NamespaceType, Process } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { specTemplate } from '../template.ts'
import { checkConfig } from './checks.ts'
import { checkProcess } from './process.ts'

type Change = (config: Config) => Config
type Part<T> = { [key in keyof T]?: T[key] | undefined }

// What a case changes in a config without fault. An undefined property is an absent one.
const top = (part: Part<Config>) => (config: Config) => ({ ...config, ...part }) as Config
const process = (part: Part<Process>) => (config: Config) =>
  ({ ...config, process: { ...config.process, ...part } }) as Config
const linux = (part: Part<Linux>) => (config: Config) => ({ ...config, linux: { ...config.linux, ...part } }) as Config
const mount = (part: Part<Mount>) => top({ mounts: [part as Mount] })

/** A namespace more, or one taken away, before another change. */
const having =
  (namespace: Namespace, change: Change = config => config) =>
  (config: Config) =>
    change(linux({ namespaces: [...config.linux!.namespaces!, namespace] })(config))
const without =
  (type: string, change: Change = config => config) =>
  (config: Config) =>
    change(linux({ namespaces: config.linux!.namespaces!.filter(namespace => namespace.type !== type) })(config))

const joined = (type: NamespaceType): Namespace => ({ type, path: '/proc/1/ns/x' })

const mapping = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size })
const ids = (count: number, size = 1) => Array.from({ length: count }, (_, at) => mapping(at, at, size))

const inUserNamespace = (part: Part<Linux>, change: Change = config => config) =>
  having({ type: 'user' }, config => change(linux({ uidMappings: ids(1), gidMappings: ids(1), ...part })(config)))

/** A map that a mount's options have in them, as crun takes it. */
const INLINE = 'idmap=uids=0-1-2;gids=0-1-2'

function complaint(change: Change): { pointer: string | undefined; message: string } {
  try {
    checkConfig(change(specTemplate()))
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    const { pointer, message } = error as ConfigError
    return { pointer, message }
  }
  return expect.fail('nothing was thrown')
}

const seccomp = (part: Partial<NonNullable<Linux['seccomp']>>) =>
  linux({ seccomp: { defaultAction: 'SCMP_ACT_ERRNO', ...part } })
const rule = (part: Partial<NonNullable<NonNullable<Linux['seccomp']>['syscalls']>[number]>) =>
  seccomp({ syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...part }] })

const onTerminal = (height: number, width: number, terminal = true) =>
  process({ terminal, consoleSize: { height, width } })

const REFUSED: [string, string, Change][] = [
  ['a terminal too high', '/process/consoleSize/height', onTerminal(65536, 80)],
  ['a terminal too wide', '/process/consoleSize/width', onTerminal(24, 70000)],
  ['an errno for an action without', '/linux/seccomp/syscalls/0/errnoRet', rule({ errnoRet: 1 })],
  [
    'an errno for a default without',
    '/linux/seccomp/defaultErrnoRet',
    seccomp({ defaultAction: 'SCMP_ACT_KILL', defaultErrnoRet: 1 }),
  ],
  ['an errno that is none', '/linux/seccomp/defaultErrnoRet', seccomp({ defaultErrnoRet: 4096 })],
  [
    'a seventh argument',
    '/linux/seccomp/syscalls/0/args/0/index',
    rule({ args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }] }),
  ],
  ['a relative listener', '/linux/seccomp/listenerPath', seccomp({ listenerPath: 'agent' })],
  ['nobody to notify', '/linux/seccomp/listenerPath', rule({ action: 'SCMP_ACT_NOTIFY' })],
  ['nobody to notify by default', '/linux/seccomp/listenerPath', seccomp({ defaultAction: 'SCMP_ACT_NOTIFY' })],
  ['no root', '/root', top({ root: undefined })],
  ['an empty root', '/root/path', top({ root: { path: '' } })],

  ['NUL in an argument', '/process/args/1', process({ args: ['sh', 'a\0b'] })],
  ['NUL in a variable', '/process/env/0', process({ env: ['A=\0'] })],
  ['NUL in the host name', '/hostname', top({ hostname: '\0' })],
  ['NUL in a mount option', '/mounts/0/options/0', mount({ destination: '/a', options: ['x\0'] })],
  ['NUL in the name of a sysctl', '/linux/sysctl', linux({ sysctl: { 'a\0': '1' } })],

  ['no program', '/process/args', process({ args: undefined })],
  ['no arguments at all', '/process/args', process({ args: [] })],
  ['a program without a name', '/process/args/0', process({ args: [''] })],
  ['a relative cwd', '/process/cwd', process({ cwd: 'tmp' })],
  ['an empty cwd', '/process/cwd', process({ cwd: '' })],
  ['a variable without =', '/process/env/1', process({ env: ['A=', 'B'] })],
  ['a variable without a name', '/process/env/0', process({ env: ['=x'] })],
  ['the uid -1', '/process/user/uid', process({ user: { uid: 4294967295 } })],
  ['the gid -1', '/process/user/gid', process({ user: { gid: 4294967295 } })],
  ['a group -1', '/process/user/additionalGids/1', process({ user: { additionalGids: [1, 4294967295] } })],
  [
    'a soft limit above the hard one',
    '/process/rlimits/0',
    process({ rlimits: [{ type: 'RLIMIT_CPU', soft: 18446744073709551615n, hard: 1 }] }),
  ],
  ['an OOM score of 1001', '/process/oomScoreAdj', process({ oomScoreAdj: 1001 })],
  ['an OOM score of -1001', '/process/oomScoreAdj', process({ oomScoreAdj: -1001 })],
  ['nice 20', '/process/scheduler/nice', process({ scheduler: { policy: 'SCHED_OTHER', nice: 20 } })],
  [
    'a priority without a realtime policy',
    '/process/scheduler/priority',
    process({ scheduler: { policy: 'SCHED_BATCH', priority: 1 } }),
  ],
  ['SCHED_RR at 0', '/process/scheduler/priority', process({ scheduler: { policy: 'SCHED_RR' } })],
  [
    'a deadline for others',
    '/process/scheduler/deadline',
    process({ scheduler: { policy: 'SCHED_OTHER', deadline: 1n } }),
  ],
  [
    'level 8 of disk access',
    '/process/ioPriority/priority',
    process({ ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 8 } }),
  ],

  ['a namespace twice', '/linux/namespaces/6', having({ type: 'pid' })],
  ['a relative namespace', '/linux/namespaces/0/path', linux({ namespaces: [{ type: 'pid', path: 'ns/pid' }] })],
  ['a host name for the host', '/hostname', without('uts')],
  ['a domain name for the host', '/domainname', without('uts', top({ hostname: '', domainname: 'example' }))],
  ['a host name of 65 bytes', '/hostname', top({ hostname: `${'x'.repeat(63)}\u00fc` })],
  ['a domain name of 65 letters', '/domainname', top({ domainname: 'x'.repeat(65) })],
  [
    'an id that is two on the host',
    '/linux/uidMappings',
    inUserNamespace({ uidMappings: [mapping(0, 100, 10), mapping(9, 200, 1)] }),
  ],
  [
    'an id of the host that is two inside',
    '/linux/gidMappings',
    inUserNamespace({ gidMappings: [mapping(10, 100, 10), mapping(0, 109, 10)] }),
  ],
  ['a map of the id -1', '/linux/uidMappings', inUserNamespace({ uidMappings: [mapping(0, 4294967295, 1)] })],
  ['a user without a mapping', '/process/user/uid', inUserNamespace({}, process({ user: { uid: 1 } }))],
  ['a group without a mapping', '/process/user/gid', inUserNamespace({}, process({ user: { gid: 1 } }))],
  [
    'another group without a mapping',
    '/process/user/additionalGids/1',
    inUserNamespace(
      { gidMappings: [mapping(0, 100, 1), mapping(5, 105, 1)] },
      process({ user: { additionalGids: [0, 1] } }),
    ),
  ],
  ['341 mappings', '/linux/uidMappings', inUserNamespace({ uidMappings: ids(341) })],
  ['an empty mapping', '/linux/gidMappings/0/size', inUserNamespace({ gidMappings: ids(1, 0) })],
  [
    '341 mappings of a mount',
    '/mounts/0/gidMappings',
    mount({ destination: '/a', options: ['bind'], uidMappings: ids(1), gidMappings: ids(341) }),
  ],
  ['a clock of the host', '/linux/timeOffsets', linux({ timeOffsets: { boottime: { secs: 1 } } })],
  [
    'a clock of another container',
    '/linux/timeOffsets',
    having(joined('time'), linux({ timeOffsets: { monotonic: {} } })),
  ],
  [
    'a second of nanoseconds',
    '/linux/timeOffsets/monotonic/nanosecs',
    having({ type: 'time' }, linux({ timeOffsets: { monotonic: { nanosecs: 1e9 } } })),
  ],
  ['masks on the host', '/linux/maskedPaths', without('mount')],
  ['read-only paths on the host', '/linux/readonlyPaths', without('mount', linux({ maskedPaths: [] }))],
  ['a network device on the host', '/linux/netDevices', without('network', linux({ netDevices: { eth0: {} } }))],

  [
    'a half id map',
    '/mounts/0/gidMappings',
    mount({ destination: '/a', options: ['bind'], uidMappings: ids(1), gidMappings: [] }),
  ],
  [
    'an id map without a bind',
    '/mounts/0',
    mount({ destination: '/a', type: 'tmpfs', uidMappings: ids(1), gidMappings: ids(1) }),
  ],
  ['idmap elsewhere', '/mounts/0', mount({ destination: '/a', type: 'tmpfs', options: ['idmap'] })],
  ['an inline idmap elsewhere', '/mounts/0', mount({ destination: '/a', type: 'tmpfs', options: [INLINE] })],
  ['idmap behind a map', '/mounts/0', mount({ destination: '/a', source: '/b', options: ['bind', INLINE, 'idmap'] })],
  ['idmap without a map', '/mounts/0', mount({ destination: '/a', source: '/b', options: ['rbind', 'ridmap'] })],
  ['a hook without a path', '/hooks/poststop/1/path', top({ hooks: { poststop: [{ path: '/a' }, { path: '' }] } })],
  ['a hook of the image', '/hooks/createContainer/0/path', top({ hooks: { createContainer: [{ path: './b' }] } })],

  [
    'a device with a negative number',
    '/linux/devices/0/minor',
    linux({ devices: [{ type: 'b', path: '/dev/x', major: 1, minor: -1 }] }),
  ],
  [
    'a major number of 13 bits',
    '/linux/devices/0/major',
    linux({ devices: [{ type: 'c', path: '/dev/x', major: 4096, minor: 3 }] }),
  ],
  [
    'a minor number of 21 bits',
    '/linux/devices/0/minor',
    linux({ devices: [{ type: 'c', path: '/dev/x', major: 1, minor: 1 << 20 }] }),
  ],
  ['an interface with a slash', '/linux/netDevices/a~1b', linux({ netDevices: { 'a/b': {} } })],
  [
    'an interface with a long name',
    '/linux/netDevices/eth0/name',
    linux({ netDevices: { eth0: { name: 'sixteen_letters_' } } }),
  ],
  ['nodes for none', '/linux/memoryPolicy/nodes', linux({ memoryPolicy: { mode: 'MPOL_LOCAL', nodes: '0' } })],
  ['no nodes', '/linux/memoryPolicy/nodes', linux({ memoryPolicy: { mode: 'MPOL_BIND' } })],
]

test.each(REFUSED)('checkConfig() refuses %s', (_, pointer, change) => {
  expect(complaint(change).pointer).toBe(pointer)
})

const ACCEPTED: [string, Change][] = [
  ['the template', config => config],
  ['any size of a terminal that there is not', onTerminal(70000, 80, false)],
  ['a number for a tracer', rule({ action: 'SCMP_ACT_TRACE', errnoRet: 0xffff })],
  ['a listener that is not needed', seccomp({ listenerPath: '/run/agent', listenerMetadata: 'm' })],
  ['the empty words of an engine', seccomp({ listenerPath: '', listenerMetadata: '' })],
  ['every 1.x, also a pre-release', top({ ociVersion: '1.0.2-dev+x.1' })],
  ['a later 1.x', top({ ociVersion: '1.99.0' })],
  ['no process, for create alone', top({ process: undefined })],
  ['NUL in an annotation, which no kernel sees', top({ annotations: { a: '\0' } })],
  ['an empty variable and one with two =', process({ env: ['A=', 'B=c=d'] })],
  ['the last real id', process({ user: { uid: 4294967294, gid: 4294967294, additionalGids: [] } })],
  ['a limit of infinity', process({ rlimits: [{ type: 'RLIMIT_CPU', soft: 5, hard: 18446744073709551615n }] })],
  ['realtime at 99', process({ scheduler: { policy: 'SCHED_FIFO', priority: 99 } })],
  ['a deadline', process({ scheduler: { policy: 'SCHED_DEADLINE', runtime: 1024, deadline: 1024, period: 1024 } })],
  [
    'a deadline that is the period',
    process({ scheduler: { policy: 'SCHED_DEADLINE', runtime: 1024, deadline: 2048 } }),
  ],
  ['a joined uts namespace', without('uts', having(joined('uts')))],
  ['a joined user namespace without mappings', having(joined('user'))],
  ['a joined user namespace with the mappings that it has', having(joined('user'), linux({ uidMappings: ids(1) }))],
  [
    'empty lists that ask for nothing',
    top({
      hostname: '',
      linux: {
        uidMappings: [],
        gidMappings: [],
        timeOffsets: {},
        maskedPaths: [],
        readonlyPaths: [],
        netDevices: {},
      },
    }),
  ],
  ['340 mappings', inUserNamespace({ uidMappings: ids(340) })],
  ['a host name of 64 bytes', top({ hostname: 'x'.repeat(64) })],
  ['a map of all ids', inUserNamespace({ uidMappings: [mapping(0, 0, 4294967295)] })],
  [
    'maps that touch, in any order',
    inUserNamespace({ uidMappings: [mapping(1, 100, 10), mapping(0, 99, 1), mapping(11, 0, 99)] }),
  ],
  ['a relative mount point', mount({ destination: 'data' })],
  ['a mount point named ...', mount({ destination: '/...' })],
  [
    'an id map of its own',
    mount({ destination: '/a', options: ['bind', 'idmap'], uidMappings: ids(1), gidMappings: ids(1) }),
  ],
  ['an inline id map behind idmap', mount({ destination: '/a', options: ['bind', 'idmap', INLINE] })],
  ['the id map of the user namespace', inUserNamespace({}, mount({ destination: '/a', options: ['bind', 'idmap'] }))],
  ['a pipe without numbers', linux({ devices: [{ type: 'p', path: '/dev/x' }] })],
  ['an interface with a template', linux({ netDevices: { eth0: { name: 'net%d' } } })],
  ['MPOL_PREFERRED with and without nodes', linux({ memoryPolicy: { mode: 'MPOL_PREFERRED' } })],
]

test.each(ACCEPTED)('checkConfig() accepts %s', (_, change) => {
  expect(() => checkConfig(change(specTemplate()))).not.toThrow()
})

test('a complaint is one sentence that says where, what and why', () => {
  expect(complaint(without('uts')).message).toBe(
    '/hostname: needs a uts namespace; add {"type": "uts"} to /linux/namespaces',
  )
  expect(complaint(process({ cwd: 'tmp' })).message).toBe('/process/cwd: must be an absolute path, is "tmp"')
})

test.each([
  [{ deadline: 2048 }, '`SCHED_DEADLINE` requires `runtime`'],
  [{ runtime: 1024 }, '`SCHED_DEADLINE` requires `deadline`'],
  [{ runtime: 0, deadline: 2048 }, 'runtime must be greater than 0'],
  [{ runtime: 1023, deadline: 2048 }, 'runtime 1023 must be between 1024 and 9223372036854775807'],
  [{ runtime: 2 ** 63, deadline: 2 ** 63 }, 'must be between 1024 and'],
  [{ runtime: 2049, deadline: 2048 }, 'runtime 2049 must be <= deadline 2048'],
  [{ runtime: 1024, deadline: 2049, period: 2048 }, 'deadline 2049 must be <= period 2048'],
])('a deadline policy with %j is refused: %s', (numbers, words) => {
  expect(complaint(process({ scheduler: { policy: 'SCHED_DEADLINE', ...numbers } })).message).toContain(words)
})

test('checkProcess() gives pointers into a process.json', () => {
  expect(() => checkProcess({ cwd: '/', args: ['sh'] })).not.toThrow()
  expect(() => checkProcess({ cwd: '/', args: [] })).toThrow('/args: must name a program to run')
})
