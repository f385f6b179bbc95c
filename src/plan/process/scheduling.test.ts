import { expect, test } from 'vitest'
import type { Process } from '../../../spec/generated/config.ts'
import { everyCpu, planScheduling } from './scheduling.ts'

const plan = (process: Partial<Process>) => planScheduling({ cwd: '/', ...process })

test('nothing asked for is nothing to do', () => {
  expect(plan({})).toEqual({ scheduler: undefined, ioPriority: undefined, execAffinity: undefined })
})

test('absent numbers of a scheduler are 0', () => {
  expect(plan({ scheduler: { policy: 'SCHED_BATCH' } }).scheduler).toEqual({
    ...{ name: 'SCHED_BATCH', policy: 3, flags: 0, nice: 0, priority: 0, runtime: 0, deadline: 0, period: 0 },
  })
})

test('flags are combined, and nanoseconds keep all 64 bits', () => {
  const { scheduler } = plan({
    scheduler: {
      policy: 'SCHED_DEADLINE',
      flags: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_DL_OVERRUN'],
      runtime: 9007199254740993n,
      deadline: 20,
      period: 30,
    },
  })
  expect(scheduler).toMatchObject({ policy: 6, flags: 5, runtime: 9007199254740993n, deadline: 20, period: 30 })
})

test.each([
  ['IOPRIO_CLASS_RT', 3, 0x2003],
  ['IOPRIO_CLASS_BE', 7, 0x4007],
  ['IOPRIO_CLASS_IDLE', undefined, 0x6000],
] as const)('the priority of %s %s is %i', (name, priority, value) => {
  const ioPriority = { class: name, ...(priority !== undefined && { priority }) }
  expect(plan({ ioPriority }).ioPriority).toEqual({ name, value })
})

test('CPUs for exec are masks', () => {
  const { execAffinity } = plan({ execCPUAffinity: { initial: '0-1', final: '' } })
  expect(execAffinity?.initial?.[0]).toBe(3)
  expect(execAffinity?.final).toBeUndefined()
  expect(() => plan({ execCPUAffinity: { final: '4-2' } })).toThrow('/process/execCPUAffinity/final: the range 4-2')
})

test('everyCpu() has a bit for every CPU of the largest machine', () => {
  expect(everyCpu().length).toBe(1024)
  expect(everyCpu().every(byte => byte === 0xff)).toBe(true)
})
