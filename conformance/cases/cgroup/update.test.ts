// `update`: limits of a container that is there already. Most need controllers in the version 2 tree, as in the virtual
// machine (`npm run test:vm`); huge pages and devices are limited elsewhere, too.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { type Container, create, createRunning, oci, stateOf } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually, must, type Result, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, olderThan, runtime } from '../../lib/runtime.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const tree = cgroup2Mount()
const controllers = tree ? readFileSync(join(tree, 'cgroup.controllers'), 'utf8').trim().split(' ') : []
const missing = ['cpu', 'cpuset', 'io', 'memory', 'pids'].filter(name => !controllers.includes(name))
const reason = missing.length > 0 ? ` (skipped: ${missing.join(', ')} not in the version 2 tree)` : ''
const hugetlb = controllers.includes('hugetlb')

const MiB = 1 << 20
type Resources = Record<string, unknown>

function limits(resources: Resources): (config: Config) => void {
  return config => Object.assign(config.linux.resources!, resources)
}

function cgroupOf({ id }: Container): string {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${stateOf(id).pid}/cgroup`, 'utf8'))![1]!
  return join(tree!, path)
}

function read(container: Container, file: string): string {
  return readFileSync(join(cgroupOf(container), file), 'utf8').trim()
}

/** The update with these resources on its standard input. */
function tryResources({ id }: Container, resources: Resources, ...flags: string[]): Result {
  return oci(['update', ...flags, '--resources', '-', id], { input: JSON.stringify(resources) })
}

function update(container: Container, resources: Resources): void {
  expect(tryResources(container, resources)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
}

function updateFlags({ id }: Container, ...flags: string[]): void {
  expect(oci(['update', ...flags, id])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
}

// --- what needs no controller of its own ---

/** A program that tells at every moment whether it may open /dev/fuse. */
function createOpener(change: (config: Config) => void): Container {
  return createRunning(config => {
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_MKNOD', 'CAP_DAC_OVERRIDE')
    change(config)
  }, 'mknod /tmp/fuse c 10 229; while :; do if (: < /tmp/fuse) 2>/dev/null; then echo open; else echo denied; fi > /tmp/says; sleep 0.02; done')
}

function untilItSays({ bundle }: Container, word: string): void {
  const path = join(bundle.rootfs, 'tmp/says')
  eventually(`the program to be ${word}`, () => existsSync(path) && readFileSync(path, 'utf8').trim() === word)
}

const DENY = { allow: false, access: 'rwm' }
const FUSE = { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' }

test.skipIf(isRunc)('rules for devices replace the old ones (runc: ignored)', () => {
  const container = createOpener(() => {})
  untilItSays(container, 'denied')
  update(container, { devices: [DENY, FUSE] })
  untilItSays(container, 'open')
  update(container, { devices: [DENY] })
  untilItSays(container, 'denied')
  update(container, { devices: [{ allow: true, access: 'rwm' }] })
  untilItSays(container, 'open')
})

test.skipIf(!isTsrun)(
  'without rules, or with the old ones, the filter stays as others may have left it (tsrun only)',
  () => {
    const container = createOpener(config => {
      config.linux.resources = { devices: [DENY, FUSE] }
    })
    untilItSays(container, 'open')
    update(container, {})
    update(container, { devices: [] })
    update(container, { devices: [DENY, FUSE] })
    expect(tryResources(container, { devices: [DENY, FUSE] }, '--dry-run').stdout).toBe('')
    untilItSays(container, 'open')
  },
)

test('update without a change is fine', () => {
  const container = create(['true'])
  updateFlags(container)
  update(container, {})
})

test('an update of no container, or of one that has stopped, is an error', () => {
  expectOneSentence(oci(['update', '--pids-limit', '7', fresh()]), /container `\S+` does not exist/)
  const container = create(['true'])
  container.start()
  container.until('stopped')
  expectOneSentence(oci(['update', '--pids-limit', '7', container.id]), /container not running/)
})

test('resources that can not be read are an error that says where', () => {
  const container = create(['true'])
  const { id } = container
  expectOneSentence(oci(['update', '-r', '-', id], { input: '{"memory"' }), /the standard input is not valid JSON/)
  expectOneSentence(tryResources(container, { memory: { limit: '5' } }), /\/memory\/limit: must be an integer/, 'crun')
  const file = join(makeDirectory(), 'none.json')
  expectOneSentence(oci(['update', '-r', file, id]), /none\.json/)
})

test.skipIf(!isTsrun)('what only version 1 has is an error that says what to do (tsrun only)', () => {
  const { id } = create(['true'])
  expectOneSentence(oci(['update', '--kernel-memory', '5m', id]), /memory\.limit counts the memory of the kernel too/)
  expectOneSentence(oci(['update', '--cpu-rt-runtime', '5', id]), /version 1 only/)
  expectOneSentence(oci(['update', '--memory', 'lots', id]), /--memory takes a size/)
})

test.skipIf(!isTsrun || missing.length === 0)(
  'a limit that this host can not set is an error, in a dry run, too',
  () => {
    const { id } = create(['true'])
    for (const flags of [[], ['--dry-run']])
      expectOneSentence(oci(['update', ...flags, '--memory', '64m', id]), /the controller `memory` is not available/)
  },
)

test.skipIf(!isTsrun)('a schema for who is in no group of resctrl is an error that says so (tsrun only)', () => {
  const { id } = create(['true'])
  expectOneSentence(oci(['update', '--l3-cache-schema', 'L3:0=f', id]), /\/linux\/intelRdt: the container has no group/)
})

describe.skipIf(!isTsrun || !hugetlb)('huge pages (tsrun only; the controller hugetlb)', () => {
  const huge = (limit: number) => ({ pageSize: '2MB', limit })

  test('are limited, and a dry run tells the difference', () => {
    const container = create(['true'], limits({ hugepageLimits: [huge(2 * MiB)] }))
    const change = { hugepageLimits: [huge(4 * MiB)] }
    expect(tryResources(container, change, '--dry-run')).toMatchObject({
      status: 0,
      stdout: `hugetlb.2MB.max        ${2 * MiB} -> ${4 * MiB}\n` + `hugetlb.2MB.rsvd.max   ${2 * MiB} -> ${4 * MiB}\n`,
    })
    expect(read(container, 'hugetlb.2MB.max')).toBe(`${2 * MiB}`)
    update(container, change)
    expect(read(container, 'hugetlb.2MB.max')).toBe(`${4 * MiB}`)
    expect(tryResources(container, change, '--dry-run')).toMatchObject({ status: 0, stdout: '' })
  })

  test('are as they were when something else can not be set', () => {
    const container = create(['true'], limits({ hugepageLimits: [huge(2 * MiB)] }))
    const result = tryResources(container, { hugepageLimits: [huge(4 * MiB), { pageSize: '3MB', limit: 0 }] })
    expect(result.status).toBe(1)
    expect(result.stderr.split('\n')).toEqual([
      'tsrun: warning: set back after a failure: hugetlb.2MB.max, hugetlb.2MB.rsvd.max',
      expect.stringMatching(/\/linux\/resources\/hugepageLimits\/1: there is no `hugetlb.3MB.max`/),
      '',
    ])
    expect(read(container, 'hugetlb.2MB.max')).toBe(`${2 * MiB}`)
    expect(read(container, 'hugetlb.2MB.rsvd.max')).toBe(`${2 * MiB}`)
  })
})

// --- the other controllers ---

describe.skipIf(missing.length > 0)(`limits${reason}`, () => {
  test.each<[string[], Record<string, string>]>([
    [['--memory', `${64 * MiB}`], { 'memory.max': `${64 * MiB}` }],
    [['--memory', `${64 * MiB}`, '--memory-swap', `${96 * MiB}`], { 'memory.swap.max': `${32 * MiB}` }],
    [['--memory-reservation', `${8 * MiB}`], { 'memory.low': `${8 * MiB}` }],
    [['--cpu-quota', '20000', '--cpu-period', '50000'], { 'cpu.max': '20000 50000' }],
    [['--cpu-share', '1024'], { 'cpu.weight': '100' }],
    [['--cpuset-cpus', '0', '--cpuset-mems', '0'], { 'cpuset.cpus': '0', 'cpuset.mems': '0' }],
    [['--pids-limit', '77'], { 'pids.max': '77' }],
  ])('update %j', (flags, files) => {
    if (isCrun && flags[0] === '--cpu-share' && olderThan('crun', 1, 23)) return // another formula
    const container = createRunning()
    updateFlags(container, ...flags)
    for (const [file, value] of Object.entries(files)) expect(read(container, file)).toBe(value)
  })

  test.skipIf(!isTsrun)('flags that runc alone has, and sizes with a suffix', () => {
    const container = createRunning()
    updateFlags(container, '--cpu-quota', '20000', '--cpu-burst', '10000', '--memory', '64m')
    expect(read(container, 'cpu.max.burst')).toBe('10000')
    expect(read(container, 'memory.max')).toBe(`${64 * MiB}`)
    updateFlags(container, '--cpu-idle', '1')
    expect(read(container, 'cpu.idle')).toBe('1')
    updateFlags(container, '--cpu-share', '2048')
    expect(read(container, 'cpu.idle')).toBe('1')
    updateFlags(container, '--cpu-idle', '0')
    expect([read(container, 'cpu.idle'), Number(read(container, 'cpu.weight')) > 100]).toEqual(['0', true])
  })

  test('resources from a file, on a paused container, too', () => {
    const container = createRunning()
    const file = join(makeDirectory(), 'resources.json')
    writeFileSync(file, JSON.stringify({ memory: { limit: 64 * MiB, swap: 64 * MiB }, pids: { limit: 9 } }))
    expect(oci(['pause', container.id]).status).toBe(0)
    updateFlags(container, '--resources', file)
    expect(['memory.max', 'memory.swap.max', 'pids.max'].map(name => read(container, name))).toEqual([
      `${64 * MiB}`,
      '0',
      '9',
    ])
  })

  test.skipIf(!isTsrun)('all fields at once, and back (tsrun only)', () => {
    const container = createRunning()
    update(container, {
      memory: { limit: 64 * MiB, reservation: MiB, swap: -1 },
      cpu: { quota: 20_000, period: 50_000, burst: 1000, cpus: '0', mems: '0', shares: 2048 },
      pids: { limit: 9 },
      blockIO: { weight: 500 },
      unified: { 'memory.high': `${32 * MiB}`, 'memory.oom.group': '1' },
    })
    const names = 'memory.max memory.low memory.swap.max cpu.max cpu.max.burst cpuset.cpus pids.max memory.high'.split(
      ' ',
    )
    expect(names.map(name => read(container, name))).toEqual([
      `${64 * MiB}`,
      `${MiB}`,
      'max',
      '20000 50000',
      '1000',
      '0',
      '9',
      `${32 * MiB}`,
    ])
    update(container, { memory: { limit: -1 }, cpu: { quota: -1, burst: 0 }, pids: { limit: -1 } })
    expect(['memory.max', 'cpu.max', 'cpu.max.burst', 'pids.max'].map(name => read(container, name))).toEqual([
      'max',
      'max 50000',
      '0',
      'max',
    ])
  })

  test.skipIf(!isTsrun)('rates of a disk are set for it alone, and set back (tsrun only)', () => {
    const disk = diskNumbers()
    if (disk === undefined) return
    const [major, minor] = disk
    const container = createRunning()
    update(container, { blockIO: { throttleReadBpsDevice: [{ major, minor, rate: MiB }] } })
    expect(read(container, 'io.max')).toBe(`${major}:${minor} rbps=${MiB} wbps=max riops=max wiops=max`)
    const change = {
      blockIO: { throttleWriteIOPSDevice: [{ major, minor, rate: 50 }] },
      unified: { 'io.nonsense': '1' },
    }
    expect(tryResources(container, change).status).toBe(1)
    expect(read(container, 'io.max')).toBe(`${major}:${minor} rbps=${MiB} wbps=max riops=max wiops=max`)
  })

  test.skipIf(isCrun)('memory and swap together keep their meaning (crun: needs both)', () => {
    const container = createRunning(limits({ memory: { limit: 64 * MiB, swap: 192 * MiB } }))
    updateFlags(container, '--memory', `${128 * MiB}`)
    expect(read(container, 'memory.swap.max')).toBe(`${64 * MiB}`)
    updateFlags(container, '--memory-swap', `${256 * MiB}`)
    expect([read(container, 'memory.max'), read(container, 'memory.swap.max')]).toEqual([
      `${128 * MiB}`,
      `${128 * MiB}`,
    ])
  })

  test.skipIf(!isTsrun)('a period alone keeps the quota that an update has set (tsrun only)', () => {
    const container = createRunning()
    updateFlags(container, '--cpu-quota', '20000', '--cpu-burst', '20000')
    updateFlags(container, '--cpu-period', '50000')
    expect([read(container, 'cpu.max'), read(container, 'cpu.max.burst')]).toEqual(['20000 50000', '20000'])
  })

  test.skipIf(!isTsrun)('a failed write takes back what was written before (tsrun only)', () => {
    const container = createRunning(
      limits({ memory: { limit: 64 * MiB, swap: 96 * MiB }, cpu: { quota: 20_000, burst: 20_000 } }),
    )
    const files = ['memory.max', 'memory.swap.max', 'cpu.max', 'cpu.max.burst', 'pids.max', 'cpuset.cpus']
    const before = files.map(file => read(container, file))
    const result = tryResources(container, {
      memory: { limit: 128 * MiB, swap: 256 * MiB },
      cpu: { quota: 10_000, burst: 10_000, cpus: '4095' },
      pids: { limit: 9 },
    })
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(
      /^tsrun: warning: set back after a failure: memory\.swap\.max, memory\.max, .*\ntsrun: update .*cpuset\.cpus.*\n$/,
    )
    expect(files.map(file => read(container, file))).toEqual(before)
    updateFlags(container, '--pids-limit', '7') // nothing of the failed one is remembered
    expect(read(container, 'memory.max')).toBe(before[0])
  })

  test.skipIf(!isTsrun)('a dry run tells file by file (tsrun only)', () => {
    const container = createRunning(limits({ memory: { limit: 64 * MiB }, pids: { limit: 9 } }))
    const { id } = container
    const { status, stdout } = oci([
      'update',
      '--dry-run',
      '--memory',
      '128m',
      '--pids-limit',
      '9',
      '--cpu-quota',
      '20000',
      id,
    ])
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `memory.max   ${64 * MiB} -> ${128 * MiB}\ncpu.max      max 100000 -> 20000 100000\n`,
    })
    expect(read(container, 'memory.max')).toBe(`${64 * MiB}`)
  })

  test('checkBeforeUpdate refuses a limit below what is used', () => {
    const container = createRunning(undefined, 'head -c 16m /dev/zero > /dev/shm/x; touch /tmp/ready; sleep 1000')
    eventually('the memory to be used', () => existsSync(join(container.bundle.rootfs, 'tmp/ready')))
    const change = { memory: { limit: 4 * MiB, checkBeforeUpdate: true } }
    expectOneSentence(tryResources(container, change), /\/memory\/limit: 4194304 bytes are less than the \d+ in use/)
    expect(read(container, 'memory.max')).toBe('max')
  })

  test('the program feels it', () => {
    const script = 'while :; do : > /tmp/ok; (: ) & wait; sleep 0.05; done'
    const container = createRunning(undefined, script)
    updateFlags(container, '--pids-limit', '1')
    // A shell that can not fork ends.
    container.until('stopped')
  })
})

/** A whole disk of this machine. */
function diskNumbers(): [number, number] | undefined {
  const disk = readdirSync('/sys/block').find(name => /^(vd|sd|nvme)/.test(name))
  if (disk === undefined) return undefined
  const [major, minor] = readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim().split(':').map(Number)
  return [major!, minor!]
}

const systemd = existsSync('/run/systemd/system') && missing.length === 0

describe.skipIf(!systemd)('under systemd', () => {
  const scope = (id: string) => `tsrun-${id}.scope`
  const property = (id: string, name: string) => must(['systemctl', 'show', '--value', '-p', name, scope(id)]).trim()

  function createScope(resources: Resources): Container {
    const container = create(['true'])
    const id = fresh()
    later(() => run([runtime.path, '--root', stateRoot, 'delete', '--force', id]))
    const bundle = makeBundle(config => {
      config.process.args = ['sleep', '1000']
      config.linux.cgroupsPath = `system.slice:tsrun:${id}`
      limits(resources)(config)
    })
    const flags = ['--systemd-cgroup', 'run', '--detach', '--bundle', bundle.directory]
    expect(oci([...flags, id]).status).toBe(0)
    return { ...container, id, bundle, state: () => stateOf(id) }
  }

  test.skipIf(!isTsrun)('systemd knows the new limits, the files have the exact ones', () => {
    const container = createScope({ memory: { limit: 64 * MiB } })
    updateFlags(container, '--memory', `${128 * MiB}`, '--cpu-quota', '12345', '--pids-limit', '9')
    expect(property(container.id, 'MemoryMax')).toBe(`${128 * MiB}`)
    expect(property(container.id, 'TasksMax')).toBe('9')
    expect(read(container, 'memory.max')).toBe(`${128 * MiB}`)
    expect(read(container, 'cpu.max')).toBe('12345 100000')
    must(['systemctl', 'daemon-reload'])
    expect(read(container, 'memory.max')).toBe(`${128 * MiB}`)
  })

  test.skipIf(!isTsrun)('a failed update leaves what systemd knows as it was', () => {
    const container = createScope({ memory: { limit: 64 * MiB } })
    const change = { memory: { limit: 128 * MiB }, unified: { 'memory.nonsense': '1' } }
    expect(tryResources(container, change).status).toBe(1)
    expect(property(container.id, 'MemoryMax')).toBe(`${64 * MiB}`)
    expect(read(container, 'memory.max')).toBe(`${64 * MiB}`)
  })
})
