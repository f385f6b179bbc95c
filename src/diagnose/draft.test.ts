import { expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { Draft } from './draft.ts'

/** Complains about the first entry of /linux/list that is negative. */
function judge({ linux }: { linux: { list: number[] } }): void {
  const at = linux.list.findIndex(value => value < 0)
  if (at >= 0) throw new ConfigError(`is ${linux.list[at]}`, `/linux/list/${at}`)
}

const make = () => new Draft({ linux: { list: [1, -2, 3, -4, -5, 6] } })

test('Draft finds all faults of a judge that stops at the first, with the places of the document as it was', () => {
  const draft = make()
  expect(draft.faults(judge)).toEqual([
    { pointer: '/linux/list/1', reason: 'is -2' },
    { pointer: '/linux/list/3', reason: 'is -4' },
    { pointer: '/linux/list/4', reason: 'is -5' },
  ])
  expect(draft.value.linux.list).toEqual([1, 3, 6])
  expect(draft.place('/linux/list/2')).toBe('/linux/list/5')
})

test('Draft asks for opinions without taking anything away', () => {
  const draft = make()
  expect(draft.opinion(judge)).toHaveLength(3)
  expect(draft.value.linux.list).toHaveLength(6)
  for (const { pointer } of draft.opinion(judge)) draft.drop(pointer!)
  expect(draft.value.linux.list).toEqual([1, 3, 6])
  expect(draft.opinion(judge)).toEqual([])
})

test('Draft drops the entry of a list that lacks something', () => {
  const draft = new Draft({ linux: { devices: [{ path: 'a' }, { path: 'b' }] }, root: {} })
  draft.drop('/linux/devices/0/major')
  draft.drop('/root/path')
  expect(draft.value).toEqual({ linux: { devices: [{ path: 'b' }] }, root: {} })
  draft.drop('/linux/devices/1/path')
  expect(draft.value.linux.devices).toEqual([])
})

test('Draft ends when nothing can be taken away, and lets other errors through', () => {
  const always = () => {
    throw new ConfigError('is wrong', '/root')
  }
  expect(new Draft({}).faults(always)).toEqual([{ pointer: '/root', reason: 'is wrong' }])
  expect(() =>
    new Draft({}).faults(() => {
      throw new TypeError('bug')
    }),
  ).toThrow('bug')
})
