import { expect, test } from 'vitest'
import { EAGAIN, EINTR, EIO, EPIPE } from '../../native/abi/errno.ts'
import { POLLIN, POLLOUT } from '../../native/abi/socket.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import type { Out } from '../../native/struct.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Flow } from './flow.ts'

const FROM = 5
const TO = 6

/** A kernel that answers reads and writes one after the other: text or -errno for a read, a number for a write. */
function flow(...answers: (string | number)[]): { flow: Flow; written: string[] } {
  const written: string[] = []
  const now = ({ name, args }: Call) => {
    const answer = answers.shift()!
    if (name === 'write') written.push(decode(args[1] as Uint8Array))
    if (typeof answer === 'number') return answer
    ;(args[1] as Out).bytes = encode(answer)
    return answer.length
  }
  return { flow: new Flow({ now } as unknown as Kernel, FROM, TO), written }
}

test('a piece is read when there is something to read, and written when there is room', () => {
  const { flow: one, written } = flow('words', 5)
  expect(one.next).toEqual({ fd: FROM, events: POLLIN })
  expect(one.step()).toBe('moved')
  expect(one.next).toEqual({ fd: TO, events: POLLOUT })
  expect(one.step()).toBe('moved')
  expect(one.isFull).toBe(false)
  expect(written).toEqual(['words'])
})

test('what was not taken is written next, before anything else is read', () => {
  const { flow: one, written } = flow('words', 2, -EAGAIN, 3)
  for (let i = 0; i < 4; i++) expect(one.step()).toBe('moved')
  expect(written).toEqual(['words', 'rds', 'rds'])
  expect(one.isFull).toBe(false)
})

test('it tells an end from an empty moment, and both from a reader that is gone', () => {
  expect(flow(-EAGAIN).flow.step()).toBe('nothing')
  expect(flow(-EINTR).flow.step()).toBe('moved')
  expect(flow('').flow.step()).toBe('ended')
  expect(flow(-EIO).flow.step()).toBe('ended')
  const { flow: one } = flow('words', -EPIPE)
  one.step()
  expect(one.step()).toBe('lost')
})

test('it knows the last byte that it read, and takes bytes of others', () => {
  const { flow: one, written } = flow('line\n', 5, '', 1)
  one.step()
  one.step()
  expect(one.step()).toBe('ended')
  expect(one.last).toBe(0x0a)
  one.add(encode('!'))
  expect(one.isFull).toBe(true)
  one.step()
  expect(written).toEqual(['line\n', '!'])
})
