import { expect, test } from 'vitest'
import { ID, plain, scene } from '../../testing/scenes/faults.scene.ts'
import { createContainer } from './create.ts'
import { findRemnants } from './gc.ts'
import { killContainer } from './kill.ts'
import { startContainer } from './start.ts'

const request = { all: false, olderThanMs: undefined }

test('findRemnants() leaves a living container alone, and keeps one that has stopped for its owner', () => {
  using one = scene(plain)
  const { runtime } = one
  const nothing = { orphans: [], kept: [] }
  one.host.world.clock = 1e6 // later than the processes say that they were started
  expect(findRemnants(runtime, request)).toEqual(nothing)
  createContainer(runtime, { id: ID, bundle: '/bundle' })
  expect(findRemnants(runtime, { ...request, all: true })).toEqual(nothing)
  startContainer(runtime, ID)
  expect(findRemnants(runtime, { ...request, all: true })).toEqual(nothing)
  killContainer(runtime, ID, 9, false)
  expect(findRemnants(runtime, request).kept).toMatchObject([{ kind: 'container', what: ID }])
  expect(findRemnants(runtime, { ...request, all: true }).orphans).toMatchObject([{ kind: 'container', what: ID }])
  expect(one.host.descriptors()).toEqual([])
})
