import { expect, test } from 'vitest'
import type { Config } from '../../../spec/generated/config.ts'
import { labelMount, planLabels, planMountLabel } from './labels.ts'

test.each([
  [{}, undefined, undefined],
  [{ apparmorProfile: '', selinuxLabel: '' }, undefined, undefined],
  [{ apparmorProfile: 'unconfined' }, undefined, undefined],
  [{ apparmorProfile: 'strict', selinuxLabel: 'a:b:c' }, 'strict', 'a:b:c'],
])('planLabels(%j)', (process, apparmorProfile, selinuxLabel) => {
  expect(planLabels({ cwd: '/', ...process })).toEqual({ apparmorProfile, selinuxLabel })
})

const config = (mountLabel: string, type?: string): Config => ({
  ociVersion: '1.3.0',
  linux: { mountLabel },
  ...(type !== undefined && { annotations: { 'run.oci.mount_context_type': type } }),
})

test('a mount label is a context unless the annotation says another word', () => {
  expect(planMountLabel(config(''))).toBeUndefined()
  expect(planMountLabel(config('a:b:c'))).toEqual({ key: 'context', value: 'a:b:c' })
  expect(planMountLabel(config('a:b:c', 'rootcontext'))).toEqual({ key: 'rootcontext', value: 'a:b:c' })
  expect(() => planMountLabel(config('a:b:c', 'size'))).toThrow(
    '/annotations/run.oci.mount_context_type: must be one of context, fscontext, defcontext, rootcontext',
  )
})

const label = { key: 'context', value: 'a:b:c' }

test.each<[string, boolean, object]>([
  ['tmpfs', false, { parameter: label }],
  ['tmpfs', true, { parameter: label }],
  ['devpts', true, { parameter: label }],
  ['ext4', false, { parameter: label }],
  ['ext4', true, {}],
  ['mqueue', false, { attribute: 'a:b:c' }],
  ['proc', false, {}],
  ['sysfs', false, {}],
  ['cgroup2', false, {}],
])('labelMount() of %s, in a user namespace: %s', (type, userNamespace, expected) => {
  expect(labelMount(label, type, [], userNamespace)).toEqual(expected)
})

test('a mount that says a label itself keeps it, and without a label there is none', () => {
  expect(labelMount(label, 'tmpfs', [{ key: 'fscontext', value: 'd:e:f' }], false)).toEqual({})
  expect(labelMount(undefined, 'tmpfs', [], false)).toEqual({})
})
