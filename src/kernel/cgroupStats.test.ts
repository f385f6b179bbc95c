import { expect, test } from 'vitest'
import { parseCounters, parseIo, parseLimit, parseNested, parseNumber, parsePressure } from './cgroupStats.ts'

// Texts as Linux 6.1 writes them.

test('parseCounters() reads cpu.stat, memory.stat and *.events', () => {
  expect(parseCounters('usage_usec 218442\nuser_usec 0\nnr_periods 12\nnr_throttled 7\n')).toEqual({
    usage_usec: 218442,
    user_usec: 0,
    nr_periods: 12,
    nr_throttled: 7,
  })
  expect(parseCounters('low 0\nhigh 0\nmax 21\noom 1\noom_kill 1\noom_group_kill 0\n')['oom_kill']).toBe(1)
  expect(parseCounters('')).toEqual({})
})

test('parseLimit() knows max', () => {
  expect(parseLimit('max\n')).toBe('max')
  expect(parseLimit('67108864\n')).toBe(67108864)
  expect(parseNumber('0\n')).toBe(0)
})

test('parseNested() reads rdma.max', () => {
  expect(parseNested('mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=max\n')).toEqual({
    mlx4_0: { hca_handle: 2, hca_object: 2000 },
    ocrdma1: { hca_handle: 3, hca_object: 'max' },
  })
})

test('parsePressure() reads some and full, or only one of them', () => {
  const text = 'some avg10=1.53 avg60=0.26 avg300=0.05 total=163221\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=163\n'
  expect(parsePressure(text)).toEqual({
    some: { avg10: 1.53, avg60: 0.26, avg300: 0.05, total: 163221 },
    full: { avg10: 0, avg60: 0, avg300: 0, total: 163 },
  })
  expect(parsePressure('some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n').full).toBeUndefined()
})

test('parseIo() reads devices that did something', () => {
  const text =
    '7:0 \n8:0 rbytes=1048576 wbytes=0 rios=8 wios=0 dbytes=0 dios=0\n253:1 rbytes=0 wbytes=4096 rios=0 wios=1 dbytes=0 dios=0\n'
  expect(parseIo(text)).toEqual([
    { major: 8, minor: 0, counters: { rbytes: 1048576, wbytes: 0, rios: 8, wios: 0, dbytes: 0, dios: 0 } },
    { major: 253, minor: 1, counters: { rbytes: 0, wbytes: 4096, rios: 0, wios: 1, dbytes: 0, dios: 0 } },
  ])
})
