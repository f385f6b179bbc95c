import { expect, test } from 'vitest'
import { planRlimits } from './rlimits.ts'

test('planRlimits() keeps the order and all 64 bits', () => {
  const infinity = 18446744073709551615n
  expect(
    planRlimits([
      { type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 },
      { type: 'RLIMIT_CORE', soft: 0, hard: infinity },
    ]),
  ).toEqual([
    { name: 'RLIMIT_NOFILE', resource: 7, soft: 1024n, hard: 4096n },
    { name: 'RLIMIT_CORE', resource: 4, soft: 0n, hard: infinity },
  ])
  expect(planRlimits(undefined)).toEqual([])
})

test('planRlimits() knows the 16 limits of setrlimit(2)', () => {
  const names = 'AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK'
  const steps = planRlimits(names.split(' ').map(name => ({ type: `RLIMIT_${name}`, soft: 1, hard: 1 })))
  expect(steps.map(step => step.resource).sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i))
})

test.each(['RLIMIT_FOO', 'NOFILE', 'rlimit_nofile', 'toString'])('planRlimits() refuses the type `%s`', type => {
  expect(() => planRlimits([{ type, soft: 1, hard: 1 }])).toThrow(`/process/rlimits/0/type: \`${type}\` is not a`)
})

test('planRlimits() takes the last of two for one type', () => {
  const nofile = { type: 'RLIMIT_NOFILE', soft: 1, hard: 1 }
  expect(planRlimits([nofile, nofile])).toHaveLength(1)
  expect(planRlimits([nofile, { ...nofile, hard: 2 }])).toMatchObject([{ soft: 1n, hard: 2n }])
})
