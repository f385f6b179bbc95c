// process.scheduler, process.ioPriority, linux.memoryPolicy, linux.personality: how the program shares the machine, seen
// from inside.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { type Change, command, inside, removeLater, runArgs, runBundle, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { field, have } from '../../lib/machine.ts'
import { must } from '../../lib/run.ts'
import { isCrun, isTsrun, olderThan } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** What the kernel tells about a process's scheduling: fields 19, 40 and 41 of proc_pid_stat(5). */
function scheduling(stat: string): { nice: number; priority: number; policy: number } {
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { nice: Number(words[16]), priority: Number(words[37]), policy: Number(words[38]) }
}

const withScheduler =
  (scheduler: object): Change =>
  config => {
    config.process['scheduler'] = scheduler
  }

/** The host's own program and the libraries that it needs. */
const withHostProgram =
  (name: string, change: Change): Change =>
  (config, rootfs) => {
    mkdirSync(join(rootfs, 'opt'))
    copyFileSync(must(['sh', '-c', `command -v ${name}`]).trim(), join(rootfs, 'opt', name))
    for (const path of ['/lib', '/lib64', '/usr/lib', '/usr/lib64'].filter(path => existsSync(path)))
      config.mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] })
    change(config, rootfs)
  }

/** What the program prints when the runtime itself is started by `wrapper`. */
function runUnder(wrapper: readonly string[], args: string[], change: Change = () => {}): string {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = args
    change(config, rootfs)
  })
  return must([...wrapper, ...command('run', '--bundle', bundle.directory, removeLater(fresh()))])
}

const oldPeer = olderThan('runc', 1, 2) || olderThan('crun', 1, 9)

test.skipIf(oldPeer).each([
  [
    { policy: 'SCHED_OTHER', nice: 7 },
    { policy: 0, nice: 7, priority: 0 },
  ],
  [
    { policy: 'SCHED_OTHER', nice: -5 },
    { policy: 0, nice: -5, priority: 0 },
  ],
  [
    { policy: 'SCHED_BATCH', nice: 3 },
    { policy: 3, nice: 3, priority: 0 },
  ],
  [{ policy: 'SCHED_IDLE' }, { policy: 5, nice: 0, priority: 0 }],
  [
    { policy: 'SCHED_FIFO', priority: 11 },
    { policy: 1, nice: 0, priority: 11 },
  ],
  [
    { policy: 'SCHED_RR', priority: 99 },
    { policy: 2, nice: 0, priority: 99 },
  ],
])('the scheduler %j is in force', (scheduler, expected) => {
  expect(scheduling(inside('cat /proc/self/stat', withScheduler(scheduler)))).toEqual(expected)
})

test.skipIf(oldPeer)('SCHED_FLAG_RESET_ON_FORK holds for the program and not for its children', () => {
  const change = withScheduler({ policy: 'SCHED_FIFO', priority: 4, flags: ['SCHED_FLAG_RESET_ON_FORK'] })
  const [own, child] = inside('read -r own </proc/$$/stat; echo "$own"; cat /proc/self/stat; true', change).split('\n')
  expect([scheduling(own!).policy, scheduling(child!).policy]).toEqual([1, 0])
})

test.skipIf(oldPeer || !have('chrt'))('SCHED_DEADLINE has its runtime, deadline and period', () => {
  const deadline = { policy: 'SCHED_DEADLINE', runtime: 1_000_000, deadline: 10_000_000, period: 20_000_000 }
  const { stdout, stderr } = runArgs(['/opt/chrt', '-p', '0'], withHostProgram('chrt', withScheduler(deadline)))
  expect(stderr).toBe('')
  expect(stdout).toMatch(/SCHED_DEADLINE/)
  expect(stdout).toMatch(/1000000\/10000000\/20000000/)
})

test.skipIf(oldPeer)('without a scheduler the policy is the usual one', () => {
  expect(scheduling(inside('cat /proc/self/stat'))).toEqual({ policy: 0, nice: 0, priority: 0 })
})

test.skipIf(!isTsrun).each([
  [{ policy: 'SCHED_OTHER', nice: 20 }, /nice/],
  [{ policy: 'SCHED_OTHER', priority: 1 }, /priority/],
  [{ policy: 'SCHED_FIFO' }, /priority/],
  [{ policy: 'SCHED_RR', priority: 1, runtime: 5 }, /runtime/],
  [{ policy: 'SCHED_BATCH', runtime: 5 }, /runtime/],
  [{ policy: 'SCHED_ISO' }, /SCHED_ISO.*kernel/],
  [{ policy: 'SCHED_DEADLINE', runtime: 30_000_000, deadline: 10_000_000, period: 10_000_000 }, /SCHED_DEADLINE/],
])('the scheduler %j is refused at create', (scheduler, words) => {
  expectOneSentence(tryCreate(makeBundle(withScheduler(scheduler))).created, words)
})

test.skipIf(oldPeer || olderThan('crun', 1, 15)).each([
  ['IOPRIO_CLASS_RT', 2, 'realtime: prio 2'],
  ['IOPRIO_CLASS_BE', 7, 'best-effort: prio 7'],
  ['IOPRIO_CLASS_IDLE', 0, /idle/],
])('the disk priority %s %i is in force', (name, priority, shown) => {
  const text = inside('ionice -p $$', config => {
    config.process['ioPriority'] = { class: name, priority }
  })
  if (typeof shown === 'string') expect(text).toBe(shown)
  else expect(text).toMatch(shown)
})

test.skipIf(!isTsrun)('a disk priority out of range is refused', () => {
  const bundle = makeBundle(config => {
    config.process['ioPriority'] = { class: 'IOPRIO_CLASS_BE', priority: 8 }
  })
  expectOneSentence(runBundle(bundle), /ioPriority/)
})

const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim()

test.skipIf(oldPeer || olderThan('runc', 1, 3) || !have('taskset') || online === '0')(
  'the program may use every CPU even when the caller is pinned to one',
  () => {
    const shown = runUnder(['taskset', '-c', '0'], ['cat', '/proc/self/status'])
    expect(field(shown, 'Cpus_allowed_list')).toBe(online)
  },
)

const hasNuma = existsSync('/proc/self/numa_maps')

test.skipIf(!hasNuma || isCrun || olderThan('runc', 1, 4)).each([
  [{ mode: 'MPOL_BIND', nodes: '0' }, / bind:0( |$)/],
  [{ mode: 'MPOL_INTERLEAVE', nodes: '0' }, / interleave:0( |$)/],
  [{ mode: 'MPOL_PREFERRED', nodes: '0' }, / prefer:0( |$)/],
  [{ mode: 'MPOL_PREFERRED_MANY', nodes: '0' }, / prefer \(many\):0( |$)/],
  [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, / bind=static:0( |$)/],
  [{ mode: 'MPOL_LOCAL' }, / local( |$)/],
  [{ mode: 'MPOL_DEFAULT' }, / default( |$)/],
])('the memory policy %j is in force', (memoryPolicy, shown) => {
  const maps = inside('cat /proc/self/numa_maps', config => {
    config.linux['memoryPolicy'] = memoryPolicy
  })
  expect(maps.split('\n').every(line => shown.test(line))).toBe(true)
})

test.skipIf(!hasNuma || !isTsrun).each([
  [{ mode: 'MPOL_BIND', nodes: '1000' }, /memoryPolicy.*MPOL_BIND: EINVAL/],
  [{ mode: 'MPOL_BIND', nodes: '2000' }, /nodes.*too high/],
  [{ mode: 'MPOL_BIND', nodes: 'all' }, /nodes/],
  [{ mode: 'MPOL_BIND' }, /nodes/],
  [{ mode: 'MPOL_LOCAL', nodes: '0' }, /nodes/],
  [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES'] }, /flags/],
])('the memory policy %j is refused at create', (memoryPolicy, words) => {
  const bundle = makeBundle(config => {
    config.linux['memoryPolicy'] = memoryPolicy
  })
  expectOneSentence(tryCreate(bundle).created, words)
})

test('the domain LINUX32 shows a processor of 32 bits', () => {
  const machine = inside('uname -m; cat /proc/self/personality', config => {
    config.linux['personality'] = { domain: 'LINUX32' }
  })
  expect(machine).toMatch(/^(i.86|armv\w+)\n00000008$/)
})

test.skipIf(!have('setarch'))('the domain LINUX takes back what the caller has', () => {
  const wrapper = ['setarch', 'linux32']
  const linux: Change = config => {
    config.linux['personality'] = { domain: 'LINUX' }
  }
  expect(runUnder(wrapper, ['uname', '-m'])).not.toBe(must(['uname', '-m']))
  expect(runUnder(wrapper, ['uname', '-m'], linux)).toBe(must(['uname', '-m']))
})

test('a flag of the personality is ignored', () => {
  const bundle = makeBundle(config => {
    config.linux['personality'] = { domain: 'LINUX', flags: ['ADDR_NO_RANDOMIZE'] }
  })
  const { status, stderr } = runBundle(bundle)
  expect(status).toBe(0)
  if (isTsrun) expect(stderr).toContain('/linux/personality/flags/0')
})

test.skipIf(!isTsrun || existsSync('/sys/fs/resctrl/schemata'))('without resctrl intelRdt is refused', () => {
  const bundle = makeBundle(config => {
    config.linux['intelRdt'] = { l3CacheSchema: 'L3:0=f' }
  })
  expectOneSentence(runBundle(bundle), /no resctrl file system is mounted/)
})
