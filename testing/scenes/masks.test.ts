import { expect, test } from 'vitest'
import { EINVAL } from '../../native/abi/errno.ts'
import { createContainer } from '../../src/container/create.ts'
import { ID, plain, type Scene, scene } from './faults.scene.ts'

const create = ({ runtime }: Scene) => createContainer(runtime, { id: ID, bundle: '/bundle' })
const inodes = ({ host }: Scene) =>
  host.world.log.filter(({ texts }) => texts[0] === 'nr_inodes').map(({ texts }) => texts[1])

test('a directory is masked where the kernel refuses a tmpfs with room for its root alone', () => {
  using usual = scene(plain)
  create(usual)
  expect(inodes(usual)).toEqual(['1'])
  const { log } = usual.host.world
  const asked = log.findIndex(({ texts }) => texts[0] === 'nr_inodes')
  const mounted = log.findIndex(({ name }, at) => at > asked && name === 'fsmount')
  const made = log.findLastIndex(({ name }, at) => at < mounted && name === 'fsconfig')
  using refused = scene(plain)
  for (const at of [made, mounted]) refused.host.failAt(log[at]!.number, EINVAL)
  create(refused)
  expect(inodes(refused)).toEqual(['1', '2'])
})
