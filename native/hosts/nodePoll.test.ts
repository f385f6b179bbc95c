import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import { expect, test } from 'vitest'
import { POLLIN } from '../abi/socket.ts'
import { createKernel } from '../kernel.ts'
import { DirectCalls } from '../kernels/direct.ts'
import { createNodeHost } from './node.ts'
import { createSharedPoll } from './nodePoll.ts'

const outside = createKernel(new DirectCalls(createNodeHost([])))
const poll = createSharedPoll()
const descriptors = () => readdirSync('/proc/self/fd').length
const entry = (fd: number) => ({ fd, events: POLLIN })
const settled = () => new Promise(resolve => setTimeout(resolve, 20))

test('a wait resolves when a descriptor is ready, to what poll(2) says of each', async () => {
  const [first, second] = [outside.pipe(), outside.pipe()]
  const waiting = poll([entry(first[0].number), entry(second[0].number)], -1)
  await settled()
  writeSync(second[1].number, 'x')
  expect(await waiting).toEqual([0, POLLIN])
  expect(await poll([entry(second[0].number)], -1)).toEqual([POLLIN])
  for (const fd of [...first, ...second]) fd.close()
})

test('many waits, also for one descriptor, take one thread and leave nothing', async () => {
  await poll([], 1)
  const before = descriptors()
  const pipe = outside.pipe()
  const threads = () => readdirSync('/proc/self/task').length
  const waits = Array.from({ length: 50 }, () => poll([entry(pipe[0].number)], -1))
  await settled()
  const inMiddle = threads()
  const more = Array.from({ length: 50 }, () => poll([entry(pipe[0].number)], -1))
  await settled()
  expect(threads()).toBe(inMiddle)
  writeSync(pipe[1].number, 'x')
  expect(await Promise.all([...waits, ...more])).toEqual(Array(100).fill([POLLIN]))
  for (const fd of pipe) fd.close()
  expect(descriptors()).toBe(before)
})

test('a wait ends after its time, with nothing ready', async () => {
  const [read, write] = outside.pipe()
  const start = performance.now()
  expect(await poll([entry(read.number)], 50)).toEqual([0])
  expect(performance.now() - start).toBeGreaterThan(45)
  expect(await poll([entry(read.number)], 0)).toEqual([0])
  read.close()
  write.close()
})

test('a wait can be given up', async () => {
  const [read, write] = outside.pipe()
  const abort = new AbortController()
  const waiting = poll([entry(read.number)], -1, abort.signal)
  abort.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  await expect(poll([entry(read.number)], -1, abort.signal)).rejects.toBe('enough')
  read.close()
  write.close()
})

test('a file that can not be waited for is ready', async () => {
  const file = openSync('/etc/passwd', 'r')
  expect(await poll([entry(file)], -1)).toEqual([POLLIN])
  closeSync(file)
})
