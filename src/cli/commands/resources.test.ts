import { expect, test } from 'vitest'
import type { OptionsOf } from '../line/options.ts'
import { parse } from '../line/parse.ts'
import { resourcesOf } from './resources.ts'

function resources(...words: string[]) {
  const parsed = parse(['update', ...words, 'web'])
  if ('misuse' in parsed) throw parsed.misuse
  return resourcesOf(parsed.options as OptionsOf<'update'>)
}

test('resourcesOf() without options is no change', () => {
  expect(resources()).toEqual({})
  expect(resources('--memory=', '--dry-run')).toEqual({})
})

test.each<[string[], object]>([
  [['--memory', '64m', '--memory-swap', '-1'], { memory: { limit: 64 << 20, swap: -1 } }],
  [['--memory-reservation=1.5GiB'], { memory: { reservation: 1.5 * 2 ** 30 } }],
  [['--memory', '4096'], { memory: { limit: 4096 } }],
  [['--memory', '9223372036854775807'], { memory: { limit: 9223372036854775807n } }],
  [['--cpu-share=1024', '--cpu-quota', '-1'], { cpu: { shares: 1024, quota: -1 } }],
  [
    ['--cpu-quota=20000', '--cpu-period=50000', '--cpu-burst=10', '--cpu-idle=1'],
    { cpu: { quota: 20_000, period: 50_000, burst: 10, idle: 1 } },
  ],
  [['--cpuset-cpus', '0-2,5', '--cpuset-mems', '0'], { cpu: { cpus: '0-2,5', mems: '0' } }],
  [['--blkio-weight', '500', '--pids-limit', '7'], { blockIO: { weight: 500 }, pids: { limit: 7 } }],
  [['--kernel-memory', '1k', '--cpu-rt-period', '5'], { memory: { kernel: 1024 }, cpu: { realtimePeriod: 5 } }],
])('resourcesOf(%j)', (words, wanted) => expect(resources(...words)).toEqual(wanted))

test.each<[string[], string]>([
  [['--memory', 'much'], '--memory takes a size such as 64m or 1.5g, or -1, not `much`'],
  [['--memory', '-2'], '--memory takes a size'],
  [['--pids-limit', '7k'], '--pids-limit takes a number, not `7k`'],
  [['--cpu-idle', '2'], 'one of `0`, `1`'],
  [['--blkio-weight', '-1'], '/blockIO/weight'],
])('resourcesOf(%j) says what is wrong', (words, reason) => expect(() => resources(...words)).toThrow(reason))
