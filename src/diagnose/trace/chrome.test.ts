import { expect, test } from 'vitest'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import { chromeTrace } from './chrome.ts'
import type { Recording } from './recorder.ts'

/** A call; times in microseconds. */
function call(name: string, start: number, end: number): MadeCall {
  return { call: { name, args: [] }, phrase: undefined, start: start * 1000, end: end * 1000, result: 0 }
}

const empty: Recording = {
  title: 'tsrun list',
  end: 5_500,
  error: undefined,
  phases: [],
  calls: [],
  executors: [],
}

function events(recording: Recording) {
  return JSON.parse(chromeTrace(recording, 77)).traceEvents
}

test('a command that made no call is a trace too', () => {
  expect(events(empty)).toEqual([
    { name: 'process_name', ph: 'M', pid: 77, tid: 1, args: { name: 'tsrun' } },
    { name: 'thread_name', ph: 'M', pid: 77, tid: 1, args: { name: 'planner' } },
    { name: 'thread_sort_index', ph: 'M', pid: 77, tid: 1, args: { sort_index: 1 } },
    { name: 'tsrun list', cat: 'root', ph: 'X', pid: 77, tid: 1, ts: 0, dur: 5.5, args: {} },
  ])
})

test('times are microseconds with all their nanoseconds', () => {
  const found = events({ ...empty, calls: [{ ...call('getpid', 1, 2), start: 1_001, end: 2_002 }] })
  expect(found.at(-1)).toMatchObject({ name: 'getpid', ts: 1.001, dur: 1.001, args: { call: 'getpid() = 0' } })
})

test('chains that ran at the same time lie on different threads', () => {
  const chain = (name: string, start: number, end: number) => ({ name, calls: [call('read', start, end)] })
  const chains = [chain('a', 0, 3), chain('b', 1, 2), chain('c', 3, 4)]
  const found = events({ ...empty, executors: [{ batches: [], chains }] })
  const threads = found.filter(({ cat }: { cat?: string }) => cat === 'chain')
  expect(threads.map(({ name, tid }: { name: string; tid: number }) => [name, tid])).toEqual([
    ['a: read', 3],
    ['b: read', 4],
    ['c: read', 3],
  ])
})
