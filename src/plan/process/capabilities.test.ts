import { expect, test } from 'vitest'
import { capabilityNames, capabilityNumber, planCapabilities } from './capabilities.ts'

test('planCapabilities() makes five empty sets of an absent object', () => {
  expect(planCapabilities(undefined)).toEqual({
    bounding: 0n,
    permitted: 0n,
    effective: 0n,
    inheritable: 0n,
    ambient: 0n,
    warnings: [],
    useless: [],
  })
})

test('planCapabilities() reaches above 32 bits', () => {
  const plan = planCapabilities({ bounding: ['CAP_CHOWN', 'CAP_SETFCAP', 'CAP_CHECKPOINT_RESTORE'] })
  expect(plan.bounding).toBe((1n << 40n) | (1n << 31n) | 1n)
  expect(capabilityNames(plan.bounding)).toEqual(['CAP_CHOWN', 'CAP_SETFCAP', 'CAP_CHECKPOINT_RESTORE'])
})

test.each(['cap_chown', 'CHOWN', 'CAP_NOPE', 'ALL', 'constructor'])(
  'planCapabilities() leaves `%s` out with a warning, whatever sets it is in',
  name => {
    const plan = planCapabilities({ permitted: ['CAP_KILL', name], effective: [name, 'CAP_KILL'] })
    expect([plan.permitted, plan.effective]).toEqual([32n, 32n])
    expect(plan.warnings).toEqual([
      `/process/capabilities/permitted/1: \`${name}\` is left out: it is no capability that we know`,
    ])
  },
)

test('planCapabilities() leaves out ambient capabilities that are not permitted and inheritable', () => {
  const plan = planCapabilities({
    permitted: ['CAP_KILL', 'CAP_CHOWN'],
    inheritable: ['CAP_KILL', 'CAP_FOWNER'],
    ambient: ['CAP_KILL', 'CAP_CHOWN', 'CAP_FOWNER'],
  })
  expect(capabilityNames(plan.ambient)).toEqual(['CAP_KILL'])
  expect(plan.warnings).toEqual([
    "/process/capabilities/ambient: can't raise ambient capability CAP_CHOWN, CAP_FOWNER: not permitted and inheritable",
  ])
})

test('planCapabilities() makes no noise about a template with ambient capabilities and nothing inheritable', () => {
  const plan = planCapabilities({ permitted: ['CAP_KILL'], ambient: ['CAP_KILL'] })
  expect([plan.ambient, plan.warnings]).toEqual([0n, []])
  expect(plan.useless).toEqual([expect.stringContaining('ambient capability CAP_KILL')])
})

test('planCapabilities() leaves out effective capabilities that are not permitted, with a warning', () => {
  const plan = planCapabilities({ effective: ['CAP_KILL'] })
  expect(plan.effective).toBe(0n)
  expect(plan.warnings).toEqual(['/process/capabilities/effective: `CAP_KILL` is left out, as it is not permitted'])
})

test('planCapabilities() never fills the inheritable set by itself (CVE-2022-29162)', () => {
  expect(planCapabilities({ bounding: ['CAP_KILL'], permitted: ['CAP_KILL'] }).inheritable).toBe(0n)
})

test('capabilityNumber() knows the first and the last', () => {
  expect(capabilityNumber('CAP_CHOWN')).toBe(0)
  expect(capabilityNumber('CAP_CHECKPOINT_RESTORE')).toBe(40)
})
