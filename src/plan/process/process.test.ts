import { expect, test } from 'vitest'
import { executableCandidates, planProcess } from './process.ts'

const cwd = '/'

test('planProcess() fills in root, the usual umask, and nothing else', () => {
  const plan = planProcess({ cwd, args: ['sh'] }, 0)
  expect(plan).toMatchObject({ args: ['sh'], env: [], uid: 0, gid: 0, umask: 0o022, additionalGids: [], rlimits: [] })
  expect([plan.noNewPrivileges, plan.oomScoreAdj]).toEqual([false, undefined])
})

test('planProcess() takes the user, also a umask of 0', () => {
  const plan = planProcess({ cwd, args: [], user: { uid: 5, gid: 6, umask: 0, additionalGids: [7] } }, 0)
  expect([plan.uid, plan.gid, plan.umask, plan.additionalGids]).toEqual([5, 6, 0, [7]])
})

test('planProcess() lets the last of several values of a variable count', () => {
  const { env } = planProcess({ cwd, args: [], env: ['A=1', 'B=2', 'A=3=4'] }, 0)
  expect(env).toEqual(['A=3=4', 'B=2'])
})

test('planProcess() speaks to pid 1 about the sockets of activation, over what the configuration says', () => {
  const { env } = planProcess({ cwd, args: [], env: ['LISTEN_PID=77', 'A=b'] }, 2)
  expect(env.toSorted()).toEqual(['A=b', 'LISTEN_FDS=2', 'LISTEN_PID=1'])
})

test('executableCandidates() searches the PATH of the container, where an empty entry is the working directory', () => {
  const plan = planProcess({ cwd, args: ['prog'], env: ['PATH=/a::/b'] }, 0)
  expect(executableCandidates(plan)).toEqual(['/a/prog', './prog', '/b/prog'])
  expect(executableCandidates(planProcess({ cwd, args: ['prog'] }, 0))).toContain('/usr/bin/prog')
})

test('executableCandidates() takes a name with a slash as it is', () => {
  expect(executableCandidates(planProcess({ cwd, args: ['./a/prog'] }, 0))).toEqual(['./a/prog'])
})
