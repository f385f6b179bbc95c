// The device filter of a running container, replaced from outside.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNodeHost } from '../../../native/hosts/node.ts'
import { createKernel } from '../../../native/kernel.ts'
import { DirectCalls } from '../../../native/kernels/direct.ts'
import { replaceDeviceFilter } from '../../../src/cgroup/deviceFilterUpdate.ts'
import { makeDirectory } from '../../lib/bundle.ts'
import { createRunning, oci } from '../../lib/container.ts'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const deny = { allow: false, access: 'rwm' }
const fuse = { allow: true, type: 'c' as const, major: 10, minor: 229, access: 'rwm' }

test.skipIf(!isTsrun)('replaceDeviceFilter() allows, denies, lifts and sets the filter of a running container', () => {
  const script =
    'mknod /tmp/fuse c 10 229 || exit 1; while :; do (: < /tmp/fuse) 2>/dev/null && echo yes || echo no; sleep 0.02; done'
  const container = createRunning(config => {
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_MKNOD', 'CAP_DAC_OVERRIDE')
    config.linux.resources = { devices: [deny, { ...fuse, access: 'm' }] }
  }, script)
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${container.state().pid}/cgroup`, 'utf8'))![1]!
  const outside = createKernel(new DirectCalls(createNodeHost([])))
  const answers = () => container.output().trim().split('\n')
  /** What the program says after three more attempts: one may have begun before. */
  const now = () => {
    const before = answers().length
    return eventually('further attempts', () => (answers().length > before + 3 ? answers().at(-1) : undefined))
  }
  const replace = (...rules: (typeof deny | typeof fuse)[]) =>
    replaceDeviceFilter(outside, `${cgroup2Mount()}${path}`, rules)

  expect(now()).toBe('no')
  replace(deny, fuse) // if the old one stayed beside it, the answer would still be no
  expect(now()).toBe('yes')
  replace(deny)
  expect(now()).toBe('no')
  replace({ allow: true, access: 'rwm' })
  expect(now()).toBe('yes')
  replace(deny)
  expect(now()).toBe('no')
  container.remove('--force')
})

test('update gives rules for devices to a container that was made without any', () => {
  const container = createRunning(config => delete config.linux.resources)
  const file = join(makeDirectory(), 'resources.json')
  writeFileSync(file, JSON.stringify({ devices: [deny] }))
  const { status, stderr } = oci(['update', '--resources', file, container.id])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  container.remove('--force')
})
