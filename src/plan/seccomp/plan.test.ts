import { expect, test } from 'vitest'
import type { Seccomp, SeccompFlag } from '../../../spec/generated/config.ts'
import { planSeccomp, withUsualReceiver } from './plan.ts'

const plan = (profile: Partial<Seccomp>, annotations?: Record<string, string>) =>
  planSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', ...profile }, 'x86_64', annotations)
const notifying: Partial<Seccomp> = {
  listenerPath: '/run/agent',
  syscalls: [{ names: ['read'], action: 'SCMP_ACT_NOTIFY' }],
}
const all = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map(
  name => `SECCOMP_FILTER_FLAG_${name}` as SeccompFlag,
)

test('flags: SPEC_ALLOW where no list is given, none for an empty one', () => {
  expect([plan({}).flags, plan({ flags: [] }).flags, plan({ flags: [all[1]!] }).flags]).toEqual([4, 0, 2])
})

test('flags that only a listener has, or can not have, are left out', () => {
  expect(plan({ flags: all }).flags).toBe(1 | 2 | 4)
  expect(plan({ ...notifying, flags: all }).flags).toBe(2 | 4 | 8 | 0x20)
})

test('an agent is asked only when an action asks for it', () => {
  expect(plan({ listenerPath: '/run/agent' }).agent).toBeUndefined()
  expect(plan(notifying).agent).toEqual({ path: '/run/agent', metadata: undefined })
  expect(plan({ ...notifying, listenerMetadata: 'm' }).agent).toEqual({ path: '/run/agent', metadata: 'm' })
  expect(plan({ defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/run/agent' }).agent?.path).toBe('/run/agent')
})

test('the usual agent is for a profile that asks one and names none', () => {
  const asked = (change: Partial<Seccomp>, annotations: Record<string, string> = {}) => {
    const seccomp = { ...notifying, listenerPath: '', ...change } as Seccomp
    return withUsualReceiver({ ociVersion: '1.3.0', linux: { seccomp }, annotations }, '/usual').linux?.seccomp
      ?.listenerPath
  }
  expect(asked({})).toBe('/usual')
  expect(asked({ listenerPath: '/own' })).toBe('/own')
  expect(asked({}, { 'run.oci.seccomp.receiver': '/named' })).toBe('/named')
  expect(asked({ syscalls: [] })).toBe('')
})

test('unknown names are passed over, unless the annotation wants an error', () => {
  const profile: Partial<Seccomp> = {
    syscalls: [{ names: ['read', 'cacheflush', 'recv', 'mkfoo'], action: 'SCMP_ACT_LOG' }],
  }
  const annotation = 'run.oci.seccomp_fail_unknown_syscall'
  expect(() => plan(profile, { [annotation]: '0' })).not.toThrow()
  expect(() => plan(profile, { [annotation]: '1' })).toThrow(
    '/linux/seccomp/syscalls/0/names/3: no system call is called "mkfoo"',
  )
})

test('a profile that is too large for the kernel is refused', () => {
  const args = (value: number) => [{ index: 0, value, op: 'SCMP_CMP_EQ' as const }]
  const syscalls = Array.from({ length: 2100 }, (_, value) => ({
    names: ['read'],
    action: 'SCMP_ACT_LOG' as const,
    args: args(value),
  }))
  expect(() => plan({ syscalls })).toThrow(/takes \d+ instructions and the kernel only 4096/)
})
