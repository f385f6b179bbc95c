import { expect, test } from 'vitest'
import { type MountContext, type MountInput, planMounts } from './mounts.ts'

const root: MountContext = {
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  hasUserNamespace: false,
  hasNetworkNamespace: true,
  cgroupNamespace: true,
  mayBeRefused: false,
  gidMapped: () => true,
}
const rootless: MountContext = { ...root, hasUserNamespace: true, mayBeRefused: true, gidMapped: gid => gid === 0 }

function plan(mount: MountInput, context = root) {
  return planMounts([mount], context)[0]!
}

function bind(...options: string[]): MountInput {
  return { destination: '/data', source: 'volume', options: ['bind', ...options] }
}

const RDONLY = 1
const NOSUID = 2
const NODEV = 4
const NOEXEC = 8
const NOSYMFOLLOW = 0x200000
const RESTRICTIONS = RDONLY | NOSUID | NODEV | NOEXEC | NOSYMFOLLOW

test('planMounts() keeps the order of the list', () => {
  const mounts = ['/dev/pts', '/dev', '/proc'].map(destination => ({ destination }))
  expect(planMounts(mounts, root).map(step => step.destination)).toEqual(['/dev/pts', '/dev', '/proc'])
  expect(planMounts(undefined, root)).toEqual([])
})

test('planMounts() prints a bind mount with its source in the bundle', () => {
  expect(plan(bind('ro', 'rprivate'))).toEqual({
    op: 'bind',
    pointer: '/mounts/0',
    destination: '/data',
    source: '/bundle/volume',
    target: 'like-source',
    needsRealTarget: false,
    noFollowTarget: false,
    noFollowSource: false,
    copySymlink: false,
    requireProcfs: false,
    recursive: false,
    attributes: { set: RDONLY, clear: 0 },
    recursiveAttributes: { set: 0, clear: 0 },
    propagation: [{ flag: 0x40000, recursive: true }],
    idmap: undefined,
    mayBeLocked: false,
  })
})

test.each([
  ['nothing, so that the source says', [], 0, 0],
  ['rw', ['rw'], 0, RESTRICTIONS],
  ['suid', ['suid'], 0, RESTRICTIONS],
  ['nosuid', ['nosuid'], NOSUID, RESTRICTIONS & ~NOSUID],
  ['sync, which is about the mount too', ['sync'], 0, RESTRICTIONS],
  ['ro: the peers differ, the restrictions stay', ['suid', 'ro'], RDONLY, NOSUID],
  ['the tree only', ['rnosuid'], 0, 0],
  ['propagation only', ['rslave'], 0, 0],
])('planMounts() takes restrictions of the source away where the options name %s', (_, options, set, clear) => {
  expect(plan(bind(...options))).toMatchObject({ attributes: { set, clear } })
})

test('planMounts() leaves to a user namespace what it has not asked for', () => {
  const inside = { ...root, hasUserNamespace: true, mayBeRefused: true }
  expect(plan(bind('rw'), inside)).toMatchObject({
    attributes: { set: 0, clear: RDONLY | NOSYMFOLLOW },
    mayBeLocked: true,
  })
})

test('planMounts() takes a destination with the root file system before it, as runc does', () => {
  const written = (destination: string) => plan({ ...bind(), destination: `${root.rootfs}${destination}` }).destination
  expect(written('/mnt/x')).toBe('/mnt/x')
  expect(written('-old/x')).toBe(`${root.rootfs}-old/x`)
  expect(() => written('/proc/self')).toThrow('inside `/proc`')
  expect(() => written('')).toThrow('nothing can be mounted over `/`')
})

test('planMounts() prints a file system', () => {
  expect(plan({ destination: 'tmp/../tmp', type: 'tmpfs', options: ['nodev', 'size=64k', 'rw', 'sync'] })).toEqual({
    op: 'filesystem',
    pointer: '/mounts/0',
    destination: '/tmp',
    type: 'tmpfs',
    source: 'tmpfs',
    target: 'directory',
    needsRealTarget: false,
    noFollowTarget: false,
    attributes: { set: NODEV, clear: 0 },
    recursiveAttributes: { set: 0, clear: 0 },
    propagation: [],
    flags: ['sync'],
    parameters: [{ key: 'size', value: '64k' }],
    inheritMode: true,
    copyUp: false,
    readonlyLate: false,
    fallback: undefined,
  })
})

test('planMounts() takes a mount for a bind by its type too', () => {
  expect(plan({ destination: '/x', source: '/y', type: 'bind' })).toMatchObject({ op: 'bind', recursive: false })
  expect(plan({ destination: '/x', source: '/y', type: 'tmpfs', options: ['rbind'] })).toMatchObject({
    op: 'bind',
    recursive: true,
  })
})

test('planMounts() wants a real directory under proc and sysfs', () => {
  expect(plan({ destination: '/proc', type: 'proc' }).needsRealTarget).toBe(true)
  expect(plan({ destination: '/sys', type: 'sysfs' }).needsRealTarget).toBe(true)
  expect(plan({ destination: '/tmp', type: 'tmpfs' }).needsRealTarget).toBe(false)
})

test('planMounts() knows the usual options of a well-known place, when there are none', () => {
  expect(plan({ destination: '/dev/shm', type: 'tmpfs' })).toMatchObject({
    attributes: { set: NOSUID | NODEV | NOEXEC },
    parameters: [
      { key: 'mode', value: '1777' },
      { key: 'size', value: '65536k' },
    ],
    inheritMode: false,
  })
  expect(plan({ destination: '/dev/mqueue' })).toMatchObject({ type: 'mqueue', source: 'mqueue' })
  expect(plan({ destination: '/dev/shm', type: 'tmpfs', options: [] })).toMatchObject({
    parameters: [],
    inheritMode: true,
  })
  expect(plan({ destination: '/dev/pts', type: 'tmpfs' })).toMatchObject({ parameters: [] })
})

test('planMounts() makes a tmpfs read-only only at the end', () => {
  expect(plan({ destination: '/dev', type: 'tmpfs', options: ['ro', 'nosuid'] })).toMatchObject({
    attributes: { set: NOSUID },
    flags: [],
    readonlyLate: true,
  })
})

test('planMounts() makes a superblock read-only that nothing else shares', () => {
  expect(plan({ destination: '/img', source: '/dev/sda', type: 'squashfs', options: ['ro'] })).toMatchObject({
    attributes: { set: RDONLY },
    flags: ['ro'],
    readonlyLate: false,
  })
  expect(plan({ destination: '/sys', type: 'sysfs', options: ['ro'] })).toMatchObject({
    attributes: { set: RDONLY },
    flags: [],
  })
})

test('planMounts() drops gid=5 of devpts where the group is not mapped', () => {
  const devpts = { destination: '/dev/pts', type: 'devpts', options: ['newinstance', 'gid=5'] }
  expect(plan(devpts)).toMatchObject({ parameters: [{ key: 'newinstance' }, { key: 'gid', value: '5' }] })
  expect(plan(devpts, rootless)).toMatchObject({ parameters: [{ key: 'newinstance' }] })
})

test('planMounts() binds the /sys of the host, read-only throughout, where a new sysfs is refused', () => {
  const sysfs = { destination: '/sys', type: 'sysfs', options: ['nosuid', 'ro', 'noatime'] }
  expect(plan(sysfs, { ...rootless, hasNetworkNamespace: false })).toMatchObject({
    op: 'bind',
    source: '/sys',
    recursive: true,
    needsRealTarget: true,
    attributes: { set: 0, clear: 0 },
    recursiveAttributes: { set: RDONLY | NOSUID, clear: 0 },
  })
  expect(plan(sysfs, rootless)).toMatchObject({
    op: 'filesystem',
    fallback: { on: ['EPERM'], source: 'sys', recursiveAttributes: { set: RDONLY | NOSUID } },
  })
  expect(plan(sysfs)).toMatchObject({ fallback: undefined })
})

test('planMounts() turns cgroup into cgroup2, whose kernel judges the words', () => {
  expect(
    plan({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['none,name=', 'ro'] }, rootless),
  ).toMatchObject({
    type: 'cgroup2',
    source: 'cgroup',
    parameters: [{ key: 'none' }, { key: 'name', value: '' }],
    flags: [],
    attributes: { set: RDONLY },
    fallback: { source: 'own-cgroup', recursiveAttributes: { set: RDONLY } },
  })
})

test('planMounts() has no fallback where nothing can be refused, so that the kernel need not be asked', () => {
  expect(plan({ destination: '/sys/fs/cgroup', type: 'cgroup2' })).toMatchObject({ fallback: undefined })
  expect(plan({ destination: '/sys', type: 'sysfs' })).toMatchObject({ fallback: undefined })
})

test('planMounts() never falls back to a writable cgroup tree of the host (CVE-2023-25809)', () => {
  const cgroup = { destination: '/sys/fs/cgroup', type: 'cgroup2', options: ['rw'] }
  expect(plan(cgroup, { ...rootless, cgroupNamespace: false })).toMatchObject({
    fallback: { on: ['EPERM', 'EBUSY'], source: 'cgroup-root', recursiveAttributes: { set: RDONLY, clear: 0 } },
  })
})

test('planMounts() changes a mount that is there', () => {
  expect(plan({ destination: '/tmp', options: ['remount', 'ro', 'size=1m'] })).toMatchObject({
    op: 'remount',
    mountOnly: false,
    attributes: { set: RDONLY },
    flags: ['ro'],
    parameters: [{ key: 'size', value: '1m' }],
  })
  expect(plan({ destination: '/tmp', options: ['remount', 'bind', 'ro'] })).toMatchObject({
    mountOnly: true,
    flags: [],
  })
})

test.each([
  ['remount', 'ro'],
  ['remount', 'bind', 'ro', 'nosuid'],
])('planMounts() makes /dev read-only at the end: %s %s', (...options) => {
  expect(plan({ destination: '/dev', options })).toMatchObject({ op: 'remount', flags: [], readonlyLate: true })
  expect(plan({ destination: '/dev', options })).not.toMatchObject({ attributes: { set: RDONLY } })
  expect(plan({ destination: '/tmp', options })).toMatchObject({ readonlyLate: false })
  expect(plan({ destination: '/dev', type: 'ramfs', options: ['ro'] })).toMatchObject({ flags: [], readonlyLate: true })
})

test('planMounts() plans id-mapped binds', () => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 10 }]
  const both = { uidMappings: mapping, gidMappings: mapping }
  const mappings = { uid: mapping, gid: mapping }
  expect(plan({ ...bind('ridmap'), ...both })).toMatchObject({ idmap: { recursive: true, mappings } })
  expect(plan({ ...bind(), ...both })).toMatchObject({ idmap: { recursive: false, mappings } })
  expect(plan(bind('idmap'), rootless)).toMatchObject({ idmap: { recursive: false, mappings: 'container' } })
  expect(plan(bind('idmap=uids=0-1000-10;gids=0-1000-10'))).toMatchObject({ idmap: { mappings } })
})

test('planMounts() passes the words about symbolic links on', () => {
  expect(plan(bind('copy-symlink', 'src-nofollow', 'dest-nofollow'))).toMatchObject({
    copySymlink: true,
    noFollowSource: true,
    noFollowTarget: true,
  })
})

test.each<[string, MountInput, string]>([
  [
    'data on a bind',
    bind('size=1', 'foo'),
    'options: bind mounts cannot have filesystem-specific options: `size=1`, `foo`',
  ],
  ...['/', '//', '/.', '/a/..', '..', '/../'].map((destination): [string, MountInput, string] => [
    `a mount on ${destination}`,
    { ...bind(), destination },
    'destination: nothing can be mounted over `/`',
  ]),
  ['a mount on nothing', { ...bind(), destination: '' }, 'destination: must not be empty'],
  ['the root as destination', { ...bind(), destination: '/a/..' }, 'destination: nothing can be mounted over `/`'],
  ['a missing type', { destination: '/x', options: ['ro'] }, 'type: is missing'],
  ['a missing source of a bind', { destination: '/x', options: ['rbind'] }, 'source: is missing'],
  ['a tmpfs at /proc', { destination: '/proc', type: 'tmpfs' }, 'type: `tmpfs` can not be mounted at `/proc`'],
  ['a bind into /proc', { ...bind(), destination: '/proc/self' }, 'destination: `/proc/self` is inside `/proc`'],
  ['a detour into /proc', { ...bind(), destination: '/x/../proc/sys' }, 'destination: `/proc/sys` is inside'],
  ['tmpcopyup elsewhere', { destination: '/x', type: 'ext4', options: ['tmpcopyup'] }, 'options: `tmpcopyup` is for'],
  ['tmpcopyup on a bind', bind('tmpcopyup'), 'options: `tmpcopyup` is for'],
])('planMounts() refuses %s', (_, mount, message) => {
  const fine = { destination: '/fine', type: 'tmpfs' }
  expect(() => planMounts([fine, mount], root)).toThrow(`/mounts/1/${message}`)
})

test.each(['/proc/cpuinfo', '/proc/sys/kernel/ns_last_pid', '/process'])(
  'planMounts() allows a bind to %s',
  destination => {
    expect(plan({ ...bind(), destination }).destination).toBe(destination)
  },
)

test('planMounts() binds only a procfs to /proc', () => {
  expect(plan({ ...bind(), destination: '/proc' })).toMatchObject({ requireProcfs: true })
})

test('planMounts() plans each of many mounts with the same words as it does one alone', () => {
  const like = (more: Partial<MountInput>): MountInput => ({ ...bind('rw', 'rprivate'), type: 'bind', ...more })
  const ids = [{ containerID: 0, hostID: 1000, size: 1 }]
  const mounts = [
    like({}),
    like({ destination: 'relative/../there' }),
    like({ destination: '/bundle/rootfs/inside', source: '/bundle/rootfs/volume' }),
    like({ destination: '/proc' }),
    like({ destination: '/proc/uptime' }),
    like({ uidMappings: ids, gidMappings: ids }),
    like({ type: undefined }),
    like({ options: ['bind', 'ro'] }),
    like({ destination: '/dev/shm', source: '/tmp/./shm/' }),
  ]
  const alone = mounts.map((mount, index) => ({ ...plan(mount), pointer: `/mounts/${index}` }))
  expect(planMounts(mounts, root)).toEqual(alone)
})

test.each<[Partial<MountInput>, string]>([
  [{ destination: '/' }, '/mounts/1/destination'],
  [{ destination: '/proc/sys' }, '/mounts/1/destination'],
  [{ source: '' }, '/mounts/1/source'],
  [{ source: undefined }, '/mounts/1/source'],
])('planMounts() refuses %j behind one with the same words, too', (more, pointer) => {
  expect(() => planMounts([bind('rw'), { ...bind('rw'), ...more }], root)).toThrow(expect.objectContaining({ pointer }))
})
