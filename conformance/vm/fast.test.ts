// What the fast lane promises, and what a container gets of it that most hosts can't give.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeBundle } from '../lib/bundle.ts'
import { command, inside, removeLater } from '../lib/container.ts'
import { recordFigures } from '../lib/figures.ts'
import { field, isPureV2 } from '../lib/machine.ts'
import { must } from '../lib/run.ts'
import { fresh } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'
import { addUserNamespace } from '../lib/user.ts'

leavesNothing()

const CONTROLLERS = ['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'misc', 'pids', 'rdma']

test.each(['cgroup.controllers', 'cgroup.subtree_control'])('%s has every controller', file => {
  const text = readFileSync(`/sys/fs/cgroup/${file}`, 'utf8')
  expect(text.trim().split(' ').sort()).toEqual(CONTROLLERS)
  expect(isPureV2()).toBe(true)
})

test('root has every capability', () => {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'))
  const all = (2n << BigInt(last)) - 1n
  expect(BigInt(`0x${field(readFileSync('/proc/self/status', 'utf8'), 'CapEff')}`)).toBe(all)
})

test('AppArmor is the LSM', () => {
  expect(readFileSync('/sys/kernel/security/lsm', 'utf8').split(',')).toContain('apparmor')
  expect(readFileSync('/proc/self/attr/current', 'utf8').trim()).toBe('unconfined')
})

test('a container may have hard limits above those of the runtime', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['sh', '-c', 'ulimit -Hn; ulimit -Sn; ulimit -Hl; ulimit -Hu']
    config.process.rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 2048, hard: 4096 },
      { type: 'RLIMIT_MEMLOCK', soft: 1 << 20, hard: 2 ** 64 - 2048 },
      { type: 'RLIMIT_NPROC', soft: 100, hard: 123_456 },
    ]
  })
  const low = ['prlimit', '--nofile=256:512', '--memlock=65536:65536', '--nproc=500:500', '--']
  const output = must([...low, ...command('run', '--bundle', bundle.directory, removeLater(fresh()))])
  recordFigures('hard limits above the runtime’s own', `nofile, its soft one, memlock, nproc: ${output}`)
  expect(output).toMatch(/^4096\n2048\n\d+\n123456\n$/)
})

test.each([-1000, -1, 1000])('oomScoreAdj %i is set, below that of the runtime too', value => {
  const change = (config: { process: { oomScoreAdj?: number } }) => {
    config.process.oomScoreAdj = value
  }
  expect(inside('cat /proc/self/oom_score_adj', change)).toBe(String(value))
})

test('in a user namespace a device has a name, owner and mode of its own, also where no detached mount is copied', () => {
  const output = inside(
    "stat -c '%n %t:%T %u:%g %a' /dev/mine /dev/null; echo x > /dev/mine && echo written; pwd",
    config => {
      addUserNamespace(config)
      config.linux.devices = [{ path: '/dev/mine', type: 'c', major: 1, minor: 3, uid: 5, gid: 6, fileMode: 0o622 }]
    },
  )
  expect(output).toBe('/dev/mine 1:3 5:6 622\n/dev/null 1:3 0:0 666\nwritten\n/')
})
