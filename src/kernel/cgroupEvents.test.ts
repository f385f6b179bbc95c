import { expect, test } from 'vitest'
import { readings } from './cgroupEvents.ts'

test('memory.events tells what has changed, and how many processes were killed since', () => {
  const reading = readings['memory.events']!
  expect(reading({ max: 1, oom: 0, oom_kill: 0 }, { max: 1, oom: 0, oom_kill: 0 })).toEqual([])
  expect(reading({ max: 1, oom: 0, oom_kill: 0 }, { max: 4, oom: 0, oom_kill: 0 })).toEqual([
    { type: 'memory', events: { max: 4, oom: 0, oom_kill: 0 } },
  ])
  expect(reading({ max: 4, oom: 1, oom_kill: 1 }, { max: 5, oom: 3, oom_kill: 3 })).toEqual([
    { type: 'memory', events: { max: 5, oom: 3, oom_kill: 3 } },
    { type: 'oom', kills: 2 },
  ])
})

test('pids.events tells that the limit was met', () => {
  expect(readings['pids.events']!({ max: 0 }, { max: 2 })).toEqual([{ type: 'pids', events: { max: 2 } }])
})

test('cgroup.events tells of pauses, and nothing of processes', () => {
  const reading = readings['cgroup.events']!
  expect(reading({ populated: 1, frozen: 0 }, { populated: 1, frozen: 1 })).toEqual([{ type: 'paused' }])
  expect(reading({ populated: 1, frozen: 1 }, { populated: 1, frozen: 0 })).toEqual([{ type: 'resumed' }])
  expect(reading({ populated: 1, frozen: 0 }, { populated: 0, frozen: 0 })).toEqual([])
  expect(reading({ populated: 1, frozen: 0 }, { populated: 0, frozen: 1 })).toEqual([])
  expect(reading({ populated: 1, frozen: 1 }, {})).toEqual([])
})
