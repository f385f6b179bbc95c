import { expect, test } from 'vitest'
import { createKernel } from '../../../native/kernel.ts'
import { DirectCalls } from '../../../native/kernels/direct.ts'
import { createScriptedHost, directoryAt, fileAt } from '../../../testing/scripted.ts'
import { type MountInput, planMounts } from '../../plan/mounts/mounts.ts'
import { ContainerView } from './view.ts'

function scene(): ContainerView {
  const host = createScriptedHost()
  fileAt(host.world.root, '/b/rootfs/bin/sh', '', 0o755)
  fileAt(host.world.root, '/data/file', '')
  directoryAt(host.world.root, '/b/rootfs/mnt')
  return new ContainerView(createKernel(new DirectCalls(host)), '/b/rootfs')
}

const steps = (...mounts: MountInput[]) =>
  planMounts(mounts, {
    bundle: '/b',
    rootfs: '/b/rootfs',
    hasUserNamespace: false,
    hasNetworkNamespace: true,
    cgroupNamespace: true,
    mayBeRefused: false,
    gidMapped: () => true,
  })

test('ContainerView finds what is in the root file system', () => {
  const view = scene()
  expect(view.locate('/bin/sh')).toMatchObject({ kind: 'there', path: '/bin/sh', host: '/b/rootfs/bin/sh' })
  expect(view.locate('/../bin/./../bin/sh')).toMatchObject({ kind: 'there', path: '/bin/sh' })
  expect(view.locate('/bin/no/such')).toEqual({ kind: 'absent', path: '/bin/no/such', at: '/bin/no' })
})

test('ContainerView sees through mounts', () => {
  const view = scene()
  const [bind, tmpfs] = steps(
    { destination: '/mnt', source: '/data', options: ['bind'] },
    { destination: '/tmp', type: 'tmpfs' },
  )
  expect(view.mount(bind!)).toEqual([])
  view.mount(tmpfs!)
  expect(view.locate('/mnt/file')).toMatchObject({ kind: 'there', host: '/data/file' })
  expect(view.locate('/tmp/x')).toMatchObject({ kind: 'unknown', path: '/tmp/x', step: tmpfs })
})

test('ContainerView tells which mounts a later one hides', () => {
  const view = scene()
  const [inner, other, outer] = steps(
    { destination: '/dev/shm', type: 'tmpfs' },
    { destination: '/device', type: 'tmpfs' },
    { destination: '/dev', type: 'tmpfs' },
  )
  view.mount(inner!)
  view.mount(other!)
  expect(view.mount(outer!)).toEqual([inner])
})
