// Limits of linux.resources: what is in the files of the cgroup, and what the kernel does about it. They need the
// controllers in the version 2 tree, as in the virtual machine (`npm run test:vm`).

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { create, createRunning, runArgs, runScript, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { withUser } from '../../lib/user.ts'

const tree = cgroup2Mount()
const controllers = tree ? readFileSync(join(tree, 'cgroup.controllers'), 'utf8').trim().split(' ') : []
const missing = ['cpu', 'cpuset', 'io', 'memory', 'pids'].filter(name => !controllers.includes(name))
const skipped = missing.length > 0
const reason = skipped ? ` (skipped: ${missing.join(', ')} not in the version 2 tree)` : ''

type Resources = NonNullable<Config['linux']['resources']>

/** Sets limits beside the rules for devices. */
function limits(resources: Omit<Resources, 'devices'>): (config: Config) => void {
  return config => Object.assign(config.linux.resources!, resources)
}

/** The directory of a process's cgroup. */
function cgroupOf(pid: number): string {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
  return join(tree!, path)
}

function read(cgroup: string, file: string): string {
  return readFileSync(join(cgroup, file), 'utf8').trim()
}

function number(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

/** A directory of the tree for one test, with what it leaves below. */
function group(name: string): string {
  const directory = join(tree!, name)
  mkdirSync(directory)
  later(() => removeGroup(directory))
  return directory
}

function removeGroup(directory: string): void {
  if (!existsSync(directory)) return
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroup(join(directory, entry.name))
  rmdirSync(directory)
}

const MiB = 1 << 20

describe.skipIf(skipped)(`limits${reason}`, () => {
  leavesNothing()
  const user = withUser()

  test.each<[string, Omit<Resources, 'devices'>, Record<string, string>]>([
    ['memory', { memory: { limit: 64 * MiB } }, { 'memory.max': `${64 * MiB}` }],
    ['memory.reservation', { memory: { reservation: 8 * MiB } }, { 'memory.low': `${8 * MiB}` }],
    [
      'memory.swap, which counts both',
      { memory: { limit: 64 * MiB, swap: 96 * MiB } },
      { 'memory.max': `${64 * MiB}`, 'memory.swap.max': `${32 * MiB}` },
    ],
    ['no swap', { memory: { limit: MiB * 64, swap: MiB * 64 } }, { 'memory.swap.max': '0' }],
    ['no limit', { memory: { limit: -1, swap: -1 }, pids: { limit: -1 } }, { 'memory.max': 'max', 'pids.max': 'max' }],
    ['cpu.shares', { cpu: { shares: 1024 } }, { 'cpu.weight': '100' }],
    ['cpu.quota', { cpu: { quota: 20_000, period: 50_000 } }, { 'cpu.max': '20000 50000' }],
    ['cpu.quota alone', { cpu: { quota: 20_000 } }, { 'cpu.max': '20000 100000' }],
    ['cpu.burst', { cpu: { quota: 20_000, burst: 10_000 } }, { 'cpu.max.burst': '10000' }],
    ['cpu.idle', { cpu: { idle: 1 } }, { 'cpu.idle': '1' }],
    ['cpuset', { cpu: { cpus: '0', mems: '0' } }, { 'cpuset.cpus': '0', 'cpuset.mems': '0' }],
    ['pids', { pids: { limit: 77 } }, { 'pids.max': '77' }],
    ['hugepageLimits', { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MiB }] }, { 'hugetlb.2MB.max': `${4 * MiB}` }],
    [
      'unified',
      { unified: { 'memory.high': `${32 * MiB}`, 'memory.oom.group': '1', 'cgroup.max.depth': '3' } },
      { 'memory.high': `${32 * MiB}`, 'memory.oom.group': '1', 'cgroup.max.depth': '3' },
    ],
    ['unified over the rest', { pids: { limit: 5 }, unified: { 'pids.max': '6' } }, { 'pids.max': '6' }],
  ])('%s is in the files of the cgroup', (_, resources, files) => {
    writeFileSync(join(tree!, 'cgroup.subtree_control'), '+memory +pids') // for those that ask for none
    const container = create(['true'], limits(resources))
    const cgroup = cgroupOf(container.state().pid!)
    expect(Object.fromEntries(Object.keys(files).map(file => [file, read(cgroup, file)]))).toEqual(files)
  })

  test.skipIf(isRunc)('memory.swap of 0 is no swap (runc: no limit)', () => {
    const container = create(['true'], limits({ memory: { limit: 64 * MiB, swap: 0 } }))
    expect(read(cgroupOf(container.state().pid!), 'memory.swap.max')).toBe('0')
  })

  test.skipIf(isCrun)('huge pages are limited when they are reserved too (crun: when used)', () => {
    const container = create(['true'], limits({ hugepageLimits: [{ pageSize: '2MB', limit: 4 * MiB }] }))
    expect(read(cgroupOf(container.state().pid!), 'hugetlb.2MB.rsvd.max')).toBe(`${4 * MiB}`)
  })

  test('a weight of disks goes to the scheduler bfq, or to the cost model', () => {
    const container = create(['true'], limits({ blockIO: { weight: 500 } }))
    const cgroup = cgroupOf(container.state().pid!)
    const [file, value] = existsSync(join(cgroup, 'io.bfq.weight')) ? ['io.bfq.weight', '500'] : ['io.weight', '4950']
    expect(read(cgroup, file!)).toBe(
      `default ${value}`.replace(/^default (?=500$)/, file === 'io.weight' ? '' : 'default '),
    )
  })

  describe('memory', () => {
    const hungry = ['tail', '-c', `${64 * MiB}`, '/dev/zero']

    test('a program that takes more is killed: 137, and a word on why', () => {
      const result = runArgs(hungry, limits({ memory: { limit: 16 * MiB, swap: 16 * MiB } }))
      expect(result.status).toBe(137)
      if (isTsrun)
        expect(result.stderr).toMatch(
          new RegExp(
            `^tsrun: warning: container \`\\S+\`: out of memory: a process was killed by the kernel; the limit is ${16 * MiB} bytes \\(linux.resources.memory.limit\\)\n$`,
          ),
        )
    })

    test('a killed child of a shell is told too', () => {
      const result = runScript(`${hungry.join(' ')}; exit $?`, limits({ memory: { limit: 16 * MiB, swap: 16 * MiB } }))
      expect(result.status).toBe(137)
      if (isTsrun) expect(result.stderr).toContain('out of memory: a process was killed by the kernel')
    })

    test('who is killed for another reason hears nothing of memory', () => {
      const result = runScript('kill -9 $$; sh -c "kill -9 \\$\\$"; exit $?', limits({ memory: { limit: 16 * MiB } }))
      expect(result).toMatchObject({ status: 137, stderr: expect.not.stringContaining('memory') })
    })

    test('a program that fits runs, whatever passes through it', () => {
      const script = `head -c ${24 * MiB} /dev/zero | wc -c`
      const result = runScript(script, limits({ memory: { limit: 16 * MiB, swap: 16 * MiB } }))
      expect(result).toMatchObject({ status: 0, stdout: `${24 * MiB}\n`, stderr: '' })
    })

    test.skipIf(!isTsrun)('1 MiB is enough for a container (tsrun only: the peers’ own memory counts)', () => {
      const result = runArgs(['true'], limits({ memory: { limit: MiB, swap: MiB }, pids: { limit: 1 } }))
      expect(result).toMatchObject({ status: 0, stderr: '' })
    })

    test('a limit that nothing fits into is an error at create, and nothing is left', () => {
      const { created } = tryCreate(
        makeBundle(config => {
          config.process.args = ['true']
          limits({ memory: { limit: 4096, swap: 4096 } })(config)
        }),
      )
      expectOneSentence(
        { ...created, stderr: `${created.stderr.split('\n')[0]}\n` },
        /out of memory: .* the limit is 4096 bytes/,
      )
    })

    test.skipIf(isRunc)('checkBeforeUpdate refuses a limit below what is used (runc: kills)', () => {
      const { created } = tryCreate(
        makeBundle(config => {
          limits({ memory: { limit: 4096, swap: 4096, checkBeforeUpdate: true } })(config)
        }),
      )
      expectOneSentence(created, /\/linux\/resources\/memory\/limit: 4096 bytes are less than the \d+ in use/)
    })
  })

  describe('pids', () => {
    test('a fork beyond the limit is refused', () => {
      const result = runScript('sleep 9 & sleep 9 & sleep 9 & echo three', limits({ pids: { limit: 2 } }))
      expect(result.status).not.toBe(0)
      expect(result.stderr).toContain("can't fork")
      expect(result.stdout).toBe('')
    })

    test.skipIf(!isTsrun)('with 1 the program itself runs, and nothing else', () => {
      const script = 'echo here; (echo there); echo end'
      const result = runScript(script, limits({ pids: { limit: 1 } }))
      expect(result.stdout).toBe('here\n')
      expect(result.stderr).toContain("can't fork")
    })

    const zero = (ociVersion: string) =>
      runScript('echo here; (echo there); echo end', config => {
        limits({ pids: { limit: 0 } })(config)
        config.ociVersion = ociVersion
      })

    test.skipIf(!isTsrun)('0 is a limit, too, from version 1.3 on', () => {
      const result = zero('1.3.0')
      expect(result.stdout).toBe('here\n')
      expect(result.stderr).toContain("can't fork")
    })

    test('0 is none before that, as older engines write it', () => {
      expect(zero('1.0.2').stdout).toBe('here\nthere\nend\n')
    })
  })

  describe('cpu', () => {
    test('a busy program is throttled to its quota', () => {
      const container = createRunning(limits({ cpu: { quota: 10_000, period: 100_000 } }), 'while :; do :; done')
      const cgroup = cgroupOf(container.state().pid!)
      eventually('throttling', () => number(read(cgroup, 'cpu.stat'), 'nr_throttled') > 3)
      const stat = read(cgroup, 'cpu.stat')
      // A tenth of the periods that passed, and a little for the last slice of each.
      expect(number(stat, 'user_usec') / (number(stat, 'nr_periods') * 100_000)).toBeLessThan(0.5)
      container.remove('--force')
    })

    test('the program sees the processors that it may use', () => {
      const result = runScript('grep Cpus_allowed_list /proc/self/status', limits({ cpu: { cpus: '0' } }))
      expect(result.stdout).toMatch(/^Cpus_allowed_list:\t0\n$/)
    })

    test('processors that the host does not have are an error with their property', () => {
      const { created } = tryCreate(makeBundle(limits({ cpu: { cpus: '0-4000' } })))
      expectOneSentence(
        created,
        /\/linux\/resources\/cpu\/cpus: .*`0-4000` to `cpuset.cpus`: E\w+ \(these are no processors/,
      )
    })
  })

  describe('disks', () => {
    const device = '/dev/nullb0'
    let major = 0
    let minor = 0

    beforeAll(() => {
      if (!existsSync(device)) run(['modprobe', 'null_blk', 'nr_devices=1', 'gb=1'])
      if (!existsSync(device)) return
      ;[major, minor] = must(['stat', '-c', '%t %T', device])
        .trim()
        .split(' ')
        .map(hex => Number.parseInt(hex, 16)) as [number, number]
    })

    const useDisk = (config: Config) => {
      config.linux.devices = [{ type: 'b', path: '/dev/disk', major, minor, fileMode: 0o600 }]
      config.linux.resources!.devices!.push({ allow: true, type: 'b', major, minor, access: 'rwm' })
    }

    test('reading is slowed down to its rate', context => {
      context.skip(!existsSync(device), 'no null block device in this kernel')
      const script = 'dd if=/dev/disk of=/dev/null bs=64k count=32 2>/dev/null'
      const seconds = (resources: Omit<Resources, 'devices'>) => {
        const began = Date.now()
        const result = runScript(script, config => {
          useDisk(config)
          limits(resources)(config)
        })
        expect(result).toMatchObject({ status: 0, stderr: '' })
        return (Date.now() - began) / 1000
      }
      const free = seconds({})
      const slow = seconds({ blockIO: { throttleReadBpsDevice: [{ major, minor, rate: MiB }] } })
      expect(slow).toBeGreaterThan(free + 1) // 2 MiB at 1 MiB a second
    })

    test.skipIf(isCrun)('all four rates are in io.max, and zero is none (crun: refuses 0)', context => {
      context.skip(!existsSync(device), 'no null block device in this kernel')
      const rate = (value: number) => [{ major, minor, rate: value }]
      const blockIO = {
        throttleReadBpsDevice: rate(MiB),
        throttleWriteBpsDevice: rate(0),
        throttleReadIOPSDevice: rate(30),
        throttleWriteIOPSDevice: rate(40),
      }
      const container = create(['true'], limits({ blockIO }))
      expect(read(cgroupOf(container.state().pid!), 'io.max')).toBe(
        `${major}:${minor} rbps=${MiB} wbps=max riops=30 wiops=40`,
      )
    })

    test('unified writes a line at a time', context => {
      context.skip(!existsSync(device), 'no null block device in this kernel')
      const text = `${major}:${minor} rbps=5000\n${major}:${minor} wiops=7`
      const container = create(['true'], limits({ unified: { 'io.max': text } }))
      expect(read(cgroupOf(container.state().pid!), 'io.max')).toBe(
        `${major}:${minor} rbps=5000 wbps=max riops=max wiops=7`,
      )
    })

    test('a disk that is not there is an error with its property', () => {
      const blockIO = { throttleReadBpsDevice: [{ major: 250, minor: 99, rate: 1 }] }
      const { created } = tryCreate(makeBundle(limits({ blockIO })))
      expectOneSentence(
        created,
        /throttleReadBpsDevice\/0: .*`250:99 rbps=1` to `io.max`: ENODEV \(there is no such block device\)/,
      )
    })
  })

  describe('huge pages', () => {
    test('more than the limit is refused', context => {
      context.skip(!controllers.includes('hugetlb'), 'no hugetlb controller')
      const pool = '/proc/sys/vm/nr_hugepages'
      const before = readFileSync(pool, 'utf8').trim()
      writeFileSync(pool, '8')
      later(() => writeFileSync(pool, before))
      context.skip(Number(readFileSync(pool, 'utf8')) < 4, 'no room for huge pages')
      const result = runScript(
        'fallocate -l 2097152 /huge/one && echo one; fallocate -l 4194304 /huge/two 2>/dev/null || echo no more',
        (config, rootfs) => {
          mkdirSync(join(rootfs, 'huge'))
          config.mounts.push({ destination: '/huge', type: 'hugetlbfs', source: 'none', options: ['pagesize=2M'] })
          limits({ hugepageLimits: [{ pageSize: '2MB', limit: 2 * MiB }] })(config)
        },
      )
      expect(result.stdout).toBe('one\nno more\n')
    })

    test('an unknown size is an error that tells the known ones', () => {
      const { created } = tryCreate(makeBundle(limits({ hugepageLimits: [{ pageSize: '3MB', limit: 0 }] })))
      expectOneSentence(created, /hugepageLimits\/0: there is no `hugetlb.3MB.max`; this host has huge pages of .*2MB/)
    })
  })

  describe('the tree', () => {
    test('directories above hand on every controller, those that were there what a limit needs', () => {
      const outer = fresh('g')
      group(outer)
      const container = create(['true'], config => {
        limits({ pids: { limit: 9 } })(config)
        config.linux.cgroupsPath = `/${outer}/made/own`
      })
      expect(cgroupOf(container.state().pid!)).toBe(join(tree!, outer, 'made/own'))
      expect(read(join(tree!, outer), 'cgroup.subtree_control').split(' ')).toContain('pids')
      expect(read(join(tree!, outer, 'made'), 'cgroup.subtree_control')).toBe(
        read(join(tree!, outer, 'made'), 'cgroup.controllers'),
      )
      expect(read(join(tree!, outer, 'made/own'), 'pids.max')).toBe('9')
    })

    test('a cgroup above that holds processes is named, and so are they', () => {
      const outer = fresh('g')
      const directory = group(outer)
      const sleeper = spawn('sleep', ['60'])
      later(() => {
        sleeper.kill('SIGKILL')
        eventually('the sleeper to be gone', () => read(directory, 'cgroup.procs') === '')
      })
      writeFileSync(join(directory, 'cgroup.procs'), String(sleeper.pid))
      const { created } = tryCreate(
        makeBundle(config => {
          limits({ memory: { limit: 64 * MiB } })(config)
          config.linux.cgroupsPath = `/${outer}/own`
        }),
      )
      expectOneSentence(
        created,
        new RegExp(
          `/linux/resources/memory/limit: cgroup \`\\S+/${outer}\` can not hand on the controller \`memory\`: it holds processes itself \\(${sleeper.pid}\\)`,
        ),
        'crun',
      )
    })

    test.skipIf(isCrun)(
      'a cgroup that was there before gets all of the limits (crun: trips over the old burst)',
      () => {
        const outer = fresh('g')
        const directory = group(outer)
        writeFileSync(join(tree!, 'cgroup.subtree_control'), '+pids +cpu')
        writeFileSync(join(directory, 'pids.max'), '3')
        writeFileSync(join(directory, 'cpu.max'), '20000 100000')
        writeFileSync(join(directory, 'cpu.max.burst'), '20000')
        const container = create(['true'], config => {
          limits({ pids: { limit: -1 }, cpu: { quota: 10_000, burst: 5000 } })(config)
          config.linux.cgroupsPath = `/${outer}`
        })
        const cgroup = cgroupOf(container.state().pid!)
        expect(['pids.max', 'cpu.max', 'cpu.max.burst'].map(file => read(cgroup, file))).toEqual([
          'max',
          '10000 100000',
          '5000',
        ])
      },
    )

    test.skipIf(!isTsrun)('without a cgroup there are no limits', () => {
      const bundle = makeBundle(limits({ pids: { limit: 5 } }))
      const result = run([runtime.path, '--cgroup-manager', 'disabled', 'run', '--bundle', bundle.directory, fresh()])
      expectOneSentence(
        result,
        /\/linux\/resources\/pids\/limit: needs a cgroup, and --cgroup-manager disabled is given/,
      )
    })
  })

  /** A container that may manage the cgroups below its own. */
  function manager(config: Config): void {
    config.linux.namespaces.push({ type: 'cgroup' }, { type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] })
    limits({ memory: { limit: 64 * MiB }, pids: { limit: 50 } })(config)
  }

  test('a container with a cgroup of its own may divide it further, and not raise its limits', () => {
    const script = `cd /sys/fs/cgroup
      stat -c %u . cgroup.procs memory.max
      mkdir inner && echo 0 > inner/cgroup.procs && echo +memory > cgroup.subtree_control && cat inner/memory.max
      (echo max > memory.max) 2>/dev/null || echo refused`
    expect(runScript(script, manager).stdout).toBe('0\n0\n65534\nmax\nrefused\n')
  })

  test.skipIf(isCrun)('a read-only cgroup is not given away (crun: is)', () => {
    const result = runScript('stat -c %u /sys/fs/cgroup', config => {
      manager(config)
      config.mounts.at(-1)!.options = ['ro']
    })
    expect(result.stdout).toBe('65534\n')
  })

  describe.skipIf(!isTsrun)('without privileges', () => {
    function rootless(config: Config): void {
      const { uid, gid } = user.current
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
      config.linux.namespaces.push({ type: 'user' })
      config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }]
      config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }]
      config.linux.resources = { pids: { limit: 3 }, memory: { limit: 32 * MiB } }
      for (const mount of config.mounts) mount.options = mount.options?.filter(option => option !== 'gid=5') ?? []
      const sys = config.mounts.find(mount => mount.destination === '/sys')!
      Object.assign(sys, { type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] })
    }

    function runAsUser(enter: (words: readonly string[]) => string[], script: string) {
      const { uid, gid } = user.current
      const bundle = makeBundle(config => {
        config.process.args = ['sh', '-c', script]
        rootless(config)
      })
      must(['chown', '-hR', `${uid}:${gid}`, bundle.directory])
      const words = [
        runtime.path,
        '--root',
        join(bundle.directory, 'state'),
        'run',
        '--bundle',
        bundle.directory,
        fresh(),
      ]
      return run(enter(user.current.wrap(words)), { cwd: bundle.directory })
    }

    /** Starts a command in the cgroup `leaf` of a directory that belongs to the user and has these controllers. */
    function delegated(names: string): (words: readonly string[]) => string[] {
      const directory = group(fresh('g'))
      writeFileSync(join(tree!, 'cgroup.subtree_control'), '+memory +pids')
      const leaf = join(directory, 'leaf')
      mkdirSync(leaf)
      for (const path of [directory, leaf])
        must([
          'chown',
          String(user.current.uid),
          path,
          ...['procs', 'subtree_control', 'threads'].map(file => `${path}/cgroup.${file}`),
        ])
      if (names !== '') writeFileSync(join(directory, 'cgroup.subtree_control'), names)
      return words => ['sh', '-ec', `echo $$ > ${leaf}/cgroup.procs; exec "$@"`, 'view', ...words]
    }

    test('limits work in what is delegated', () => {
      const script = 'cat /proc/self/cgroup; sleep 9 & sleep 9 & sleep 9 & echo three'
      const result = runAsUser(delegated(''), script)
      expect(result.stdout).toMatch(/^0::\/\S+-g\d+\/tsrun-\S+\n$/)
      expect(result.stderr).toContain("can't fork")
    })

    test('without delegation the sentence says what to do', () => {
      expectOneSentence(
        runAsUser(words => [...words], 'true'),
        /no cgroup is delegated to this user, so nothing can be limited; have the controllers delegated .*systemd-run --user --scope/,
      )
    })
  })
})
