import { expect, test } from 'vitest'
import { EINVAL } from '../../native/abi/errno.ts'
import { createContainer } from '../../src/container/create.ts'
import { ID, type Scene, scene, variants } from './faults.scene.ts'

// Nodes of devices where no mount is copied that is attached nowhere, see src/rootfs/deviceNodes.ts.

const variant = variants.find(({ name }) => name === 'with a user namespace')!
const create = ({ runtime }: Scene) => createContainer(runtime, { id: ID, bundle: '/bundle' })
const copies = ({ host }: Scene, byPlanner: boolean) =>
  host.world.log.filter(
    ({ who, name, texts }) => name === 'open_tree' && /^\d$/.test(texts[0] ?? '') && (who === 'planner') === byPlanner,
  )

test('the first process copies the nodes from a shelf, which is gone before the root is', () => {
  using usual = scene(variant)
  create(usual)
  const [first, ...others] = copies(usual, true)
  expect(copies(usual, false)).toEqual([])

  using older = scene(variant)
  older.host.failAt(first!.number, EINVAL)
  create(older)
  expect(copies(older, true)).toHaveLength(1)
  expect(copies(older, false)).toHaveLength(1 + others.length)
  const { log } = older.host.world
  const last = log.indexOf(copies(older, false).at(-1)!)
  const taken = log.findIndex(({ name, texts }, at) => at > last && name === 'umount2' && texts[0] === '.')
  expect(taken).toBeGreaterThan(last)
  expect(log.findIndex(({ name }) => name === 'pivot_root')).toBeGreaterThan(taken)
  expect(older.host.descriptors()).toEqual([])
})
