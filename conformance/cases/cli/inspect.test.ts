// `inspect`: a container as the kernel has it, and `--drift`, how that differs from config.json.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { type Change, type Container, command, create, createRunning, oci, removeLater } from '../../lib/container.ts'
import { cgroupOf } from '../../lib/exec.ts'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

interface Finding {
  pointer: string
  what: string
  expected: string
  found: string
}

interface Drift {
  drift: Finding[]
  notes: Finding[]
}

const tree = cgroup2Mount()
const hugetlb =
  tree !== undefined && readFileSync(join(tree, 'cgroup.controllers'), 'utf8').split(/\s+/).includes('hugetlb')

function drift({ id }: Container): Drift {
  const { status, stdout, stderr } = oci(['inspect', '--drift', '--format', 'json', id])
  if (stderr !== '') throw new Error(stderr)
  const found = JSON.parse(stdout) as Drift
  expect(status).toBe(found.drift.length === 0 ? 0 : 1)
  return found
}

const pointers = (findings: Finding[]) => findings.map(({ pointer }) => pointer)

/** Does something in the container's mount namespace with all rights, as an administrator may. */
function tamper(container: Container, script: string): string {
  return must([
    'nsenter',
    '--target',
    `${container.state().pid}`,
    '--mount',
    '--pid',
    '--',
    '/bin/busybox',
    'sh',
    '-ec',
    script,
  ])
}

function bind(source: string, destination: string, ...options: string[]): Config['mounts'][number] {
  return { destination, type: 'bind', source, options: ['rbind', ...options] }
}

const ids = { containerID: 0, hostID: 200_000, size: 65_536 }

/** Configurations of all kinds, none of which may look wrong right after its start. */
const examples: Record<string, Change> = {
  'the base configuration': () => {},
  'a user without privileges': config => {
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5] }
    config.process.capabilities = { bounding: ['CAP_KILL'] }
  },
  'ambient capabilities': config => {
    config.process.user = { uid: 1000, gid: 1000 }
    config.process.noNewPrivileges = false
    for (const set of ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'])
      config.process.capabilities![set] = ['CAP_NET_BIND_SERVICE']
  },
  'no capabilities at all': config => {
    delete config.process.capabilities
  },
  'a read-only root, binds of files and directories, a link on the way': (config, rootfs) => {
    const directory = makeDirectory()
    writeFileSync(join(directory, 'file'), 'x')
    must(['ln', '-s', 'real', join(rootfs, 'link')])
    must(['mkdir', '-p', join(rootfs, 'real')])
    config.root.readonly = true
    must(['touch', join(rootfs, 'etc/conf')])
    must(['mkdir', join(rootfs, 'real/sub'), join(rootfs, 'mnt'), join(rootfs, 'opt')])
    config.mounts.push(
      bind(directory, '/link/sub', 'ro', 'nosuid', 'nodev', 'noexec'),
      bind(join(directory, 'file'), '/etc/conf', 'ro'),
      bind(directory, '/mnt', 'rro'),
      { destination: '/opt', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'ro', 'noatime'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
    )
  },
  'limits of the process': config => {
    config.process.rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      { type: 'RLIMIT_STACK', soft: 4 << 20, hard: 8 << 20 },
    ]
    config.process.oomScoreAdj = 100
  },
  'a filter of system calls': config => {
    config.linux['seccomp'] = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['reboot'], action: 'SCMP_ACT_ERRNO' }],
    }
  },
  'a user namespace, with a cgroup namespace': config => {
    config.linux.namespaces.push({ type: 'user' }, { type: 'cgroup' })
    config.linux.uidMappings = [ids]
    config.linux.gidMappings = [ids]
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] })
  },
  "the host's network and pids": config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network' && type !== 'pid')
  },
  'no rules for devices': config => {
    delete config.linux.resources
  },
  'names, sysctls and clocks': config => {
    config.linux.namespaces.push({ type: 'time' })
    config.domainname = 'example.org'
    config.linux.sysctl = { 'net.ipv4.ip_local_port_range': '2000 3000', 'kernel.msgmax': '9000' }
    config.linux.timeOffsets = { boottime: { secs: 1000, nanosecs: 5 }, monotonic: { secs: -1 } }
  },
  'sysctls that count ids, in a user namespace': config => {
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = [ids]
    config.linux.gidMappings = [ids]
    config.linux.sysctl = { 'net.ipv4.ping_group_range': '3 100', 'user.max_user_namespaces': '7' }
  },
  priorities: config => {
    config.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 }
    config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 }
  },
  'tree of mounts below a source': config => {
    const directory = makeDirectory()
    must(['mkdir', '-p', join(directory, 'sub')])
    config.mounts.push(bind('/dev', '/mnt', 'ro'), bind(directory, '/media'))
  },
}

const NOTHING_DIFFERS = 'nothing differs from config.json and updates\n'

describe.skipIf(!isTsrun)('inspect (tsrun only)', () => {
  test.each(Object.keys(examples))('--drift finds nothing right after start: %s', name => {
    const container = create(['sh', '-c', 'sleep 1000'], (config, rootfs) => {
      must(['chown', '-R', '200000:200000', rootfs])
      examples[name]!(config, rootfs)
    })
    expect(drift(container)).toMatchObject({ drift: [], notes: [] })
    expect(container.start().status).toBe(0)
    eventually('the program to run', () => oci(['inspect', container.id]).stdout.includes('sleep'))
    expect(drift(container)).toMatchObject({ drift: [], notes: [] })
    const { status, stdout, stderr } = oci(['inspect', '--drift', container.id])
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: NOTHING_DIFFERS, stderr: '' })
    container.kill('KILL')
  })

  test('--drift finds nothing in a container with a socket for sd_notify', () => {
    const bundle = makeBundle()
    const id = removeLater(fresh())
    const env = { ...process.env, NOTIFY_SOCKET: '/no/such/socket' }
    expect(oci(['create', '--bundle', bundle.directory, id], { env }).status).toBe(0)
    expect(oci(['inspect', id]).stdout).toContain('/no/such/socket')
    expect(oci(['inspect', '--drift', id])).toMatchObject({ status: 0, stdout: NOTHING_DIFFERS, stderr: '' })
  })

  test('the text and the JSON tell of capabilities, namespaces, mounts, limits and the cgroup', () => {
    const container = createRunning()
    const { stdout } = oci(['inspect', container.id])
    expect(stdout).toMatch(/^ {2}effective capabilities +CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE$/m)
    expect(stdout).toMatch(/^ {2}RLIMIT_NOFILE +1024 +1024$/m)
    expect(stdout).toMatch(/^ {2}network +\d+ +its own$/m)
    expect(stdout).toMatch(/^ {2}user +\d+ +the host's$/m)
    expect(stdout).toMatch(/^ {2}\/dev\/shm +tmpfs +rw,nosuid,nodev,noexec/m)
    const found = JSON.parse(oci(['inspect', '--format', 'json', container.id]).stdout)
    expect(found).toMatchObject({
      id: container.id,
      status: 'running',
      pid: container.state().pid,
      process: { uid: 0, noNewPrivileges: true, seccomp: { mode: 'disabled' }, args: ['sh', '-c', expect.any(String)] },
      cgroup: { processes: expect.any(Number), deviceFilter: true },
    })
    expect(found.mounts.map(({ target }: { target: string }) => target)).toContain('/proc/sys')
  })

  test('of a container that has stopped there is the state, and no comparison', () => {
    const container = create(['true'])
    container.start()
    container.until('stopped')
    expect(oci(['inspect', container.id]).stdout).toMatch(/^status +stopped$/m)
    const { status, stderr } = oci(['inspect', '--drift', container.id])
    expect([status, stderr]).toEqual([2, `tsrun: inspect \`${container.id}\`: container not running\n`])
  })

  test.skipIf(!hugetlb)('a limit that was changed by hand, and one that update has changed', () => {
    const container = createRunning(config => {
      config.linux.resources!['hugepageLimits'] = [{ pageSize: '2MB', limit: 5 << 20 }]
    })
    expect(drift(container).drift).toEqual([]) // 4 MiB: the kernel counts whole pages
    const resources = JSON.stringify({ hugepageLimits: [{ pageSize: '2MB', limit: 8 << 20 }] })
    expect(oci(['update', '--resources', '-', container.id], { input: resources }).status).toBe(0)
    expect(drift(container).drift).toEqual([])
    writeFileSync(join(cgroupOf(container.state().pid!), 'hugetlb.2MB.max'), `${32 << 20}`)
    expect(drift(container).drift).toEqual([
      {
        pointer: '/linux/resources/hugepageLimits/0',
        what: 'hugetlb.2MB.max',
        expected: `${8 << 20}`,
        found: `${32 << 20}`,
      },
    ])
  })

  test('a mount that was added, one that was removed, one that became writable', () => {
    const directory = makeDirectory()
    const container = createRunning(config => {
      config.mounts.push(bind(directory, '/mnt', 'ro'), { destination: '/media', type: 'tmpfs', source: 'tmpfs' })
    })
    tamper(container, 'mount -t tmpfs none /tmp')
    expect(drift(container).drift).toMatchObject([{ pointer: '/mounts', what: 'the mount `/tmp`', expected: 'none' }])
    tamper(container, 'umount /tmp; umount /media')
    expect(drift(container).drift).toMatchObject([
      { pointer: '/mounts/7', what: 'the mount `/media`', found: 'missing' },
    ])
    tamper(container, 'mount -t ramfs none /media')
    expect(drift(container).drift).toMatchObject([{ pointer: '/mounts/7/type', expected: 'tmpfs', found: 'ramfs' }])
    tamper(container, 'umount /media; mount -t tmpfs tmpfs /media; mount -o remount,bind,rw /mnt')
    expect(drift(container).drift).toMatchObject([{ pointer: '/mounts/6/options', expected: 'ro' }])
  })

  test('a bind mount of another source', () => {
    const [directory, other] = [makeDirectory(), makeDirectory()]
    const container = createRunning(config => config.mounts.push(bind(directory, '/mnt'), bind(other, '/media')))
    tamper(container, 'umount /mnt; mount --bind /media /mnt')
    expect(drift(container).drift).toMatchObject([
      { pointer: '/mounts/6/source', what: 'the mount `/mnt`', expected: `\`${directory}\`` },
    ])
  })

  test('masks that were taken off, and a path that is writable again', () => {
    const container = createRunning()
    tamper(container, 'umount /proc/keys; mount --bind /proc/sys /proc/sys; mount -o remount,bind,rw /proc/sys')
    expect(drift(container).drift).toMatchObject([
      { pointer: '/linux/maskedPaths/2', what: 'the path `/proc/keys`', found: 'readable' },
      { pointer: '/linux/readonlyPaths/3', what: 'the path `/proc/sys`', found: 'writable' },
      { pointer: '/mounts', what: 'the mount `/proc/sys`' },
    ])
  })

  test('a root that is to be read-only', () => {
    const container = createRunning(config => {
      config.root.readonly = true
    })
    tamper(container, 'mount -o remount,bind,rw /')
    expect(drift(container).drift).toMatchObject([{ pointer: '/root/readonly', expected: 'ro' }])
  })

  test('a /dev that another entry makes read-only is so, until it is writable again', () => {
    const container = createRunning(config => {
      for (const last of ['ro', 'rw']) // which comes too late
        config.mounts.push({ destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['remount', 'bind', last] })
    })
    expect(drift(container).drift).toEqual([])
    tamper(container, 'mount -o remount,bind,rw /dev')
    expect(drift(container).drift).toMatchObject([{ what: 'the mount `/dev`', expected: expect.stringMatching(/^ro/) }])
  })

  test('what a program may do to itself is noted only', () => {
    const change: Change = config => {
      for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SETUID', 'CAP_SETGID')
    }
    const container = createRunning(change, "ulimit -n 100; exec su alice -c 'exec sleep 1000'")
    eventually('it to be another user', () => drift(container).notes.length > 1)
    const found = drift(container)
    expect(found.drift).toEqual([])
    expect(pointers(found.notes)).toEqual([
      '/process/capabilities/permitted',
      '/process/capabilities/effective',
      '/process/rlimits/0',
    ])
    expect(oci(['inspect', '--drift', container.id])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^nothing differs [^\n]+\nnote: /),
    })
    container.kill('KILL')
  })

  test.skipIf(tree === undefined)('a process that is out of its cgroup', () => {
    const container = createRunning(undefined, 'sleep 1000 & wait')
    const { id } = container
    const list = () => JSON.parse(oci(['ps', '--format', 'json', id]).stdout) as number[]
    const child = eventually('a child', () => list().find(pid => pid !== container.state().pid))
    writeFileSync(join(tree!, 'cgroup.procs'), `${child}`)
    expect(drift(container).drift).toMatchObject([{ what: `the cgroup of process ${child}`, found: `${tree}/` }])
    container.kill('KILL')
  })

  test('a namespace that is not the one of config.json', () => {
    const container = createRunning(config => {
      config.linux.namespaces.find(({ type }) => type === 'network')!.path = '/proc/self/ns/net'
    })
    // The path means another namespace to whoever asks from elsewhere.
    const elsewhere = run(['unshare', '-n', ...inspectCommand(container)])
    expect(elsewhere.status).toBe(1)
    expect(JSON.parse(elsewhere.stdout).drift).toMatchObject([
      { pointer: '/linux/namespaces/1', what: 'the network namespace' },
    ])
    expect(drift(container).drift).toEqual([])
  })

  test('names and sysctls that were changed, whatever the container has mounted over them', () => {
    const container = createRunning(config => {
      config.domainname = 'example.org'
      config.linux.sysctl = { 'net.ipv4.ip_forward': '0', 'kernel.msgmax': '9000' }
    })
    tamper(container, 'mount -t tmpfs none /proc')
    const script = 'cd /proc/sys; echo other > kernel/hostname; echo 1 > net/ipv4/ip_forward; echo 8000 > kernel/msgmax'
    must(['nsenter', '--target', `${container.state().pid}`, '--uts', '--net', '--ipc', '--', 'sh', '-ec', script])
    expect(drift(container).drift.slice(0, 3)).toEqual([
      { pointer: '/hostname', what: 'the host name', expected: '`inside`', found: '`other`' },
      { pointer: '/linux/sysctl/net.ipv4.ip_forward', what: expect.any(String), expected: '`0`', found: '`1`' },
      { pointer: '/linux/sysctl/kernel.msgmax', what: 'sysctl `kernel.msgmax`', expected: '`9000`', found: '`8000`' },
    ])
  })

  test('priorities that were raised, and lowered', () => {
    const container = createRunning(config => {
      config.process.scheduler = { policy: 'SCHED_OTHER', nice: 5 }
      config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 }
    })
    const { pid } = container.state()
    must(['renice', '-n', '-5', '-p', `${pid}`])
    must(['ionice', '-c', '1', '-n', '7', '-p', `${pid}`])
    expect(drift(container)).toMatchObject({
      drift: [
        { pointer: '/process/scheduler/nice', expected: '5', found: '-5' },
        { pointer: '/process/ioPriority', expected: 'IOPRIO_CLASS_BE 6', found: 'IOPRIO_CLASS_RT 7' },
      ],
      notes: [],
    })
    must(['renice', '-n', '10', '-p', `${pid}`])
    must(['ionice', '-c', '3', '-p', `${pid}`])
    const { drift: wrong, notes } = drift(container)
    expect([wrong, pointers(notes)]).toEqual([[], ['/process/scheduler/nice', '/process/ioPriority']])
  })

  test('a container that paints on terminals and puts links in the way', () => {
    const container = createRunning()
    tamper(container, 'mkdir "$(printf "/tmp/\\033[2J\\nx")"; mount -t tmpfs none "$(printf "/tmp/\\033[2J\\nx")"')
    const text = oci(['inspect', '--drift', container.id]).stdout
    expect(text).toBe('/mounts: the mount `/tmp/\\x1b[2J\\x0ax` is tmpfs none, expected none\n')
    expect(oci(['inspect', container.id]).stdout).not.toContain('\u001b')
    tamper(container, 'umount /dev/mqueue; rmdir /dev/mqueue; ln -s /dev/shm /dev/mqueue')
    expect(pointers(drift(container).drift)).toContain('/mounts/4/type')
  })
})

function inspectCommand({ id }: Container): string[] {
  return [...command('inspect', '--drift', '--format', 'json', id)]
}
