import { expect, test } from 'vitest'
import type { IoPriority, Scheduler } from '../../../spec/generated/config.ts'
import { planScheduling } from '../../plan/process/scheduling.ts'
import { ioPriorityDrift, schedulerDrift } from './scheduling.ts'

const pointers = (findings: ReturnType<typeof schedulerDrift>) =>
  findings.map(({ pointer, note }) => (note ? `note ${pointer}` : pointer))

test.each<[string, Scheduler, [policy: string, nice: number, priority: number], string[]]>([
  ['as asked for', { policy: 'SCHED_BATCH', nice: 5 }, ['SCHED_BATCH', 5, 0], []],
  ['another policy', { policy: 'SCHED_BATCH', nice: 5 }, ['SCHED_OTHER', 0, 0], ['/process/scheduler/policy']],
  ['less nice', { policy: 'SCHED_OTHER', nice: 5 }, ['SCHED_OTHER', 4, 0], ['/process/scheduler/nice']],
  ['nicer', { policy: 'SCHED_OTHER' }, ['SCHED_OTHER', 1, 0], ['note /process/scheduler/nice']],
  ['more urgent', { policy: 'SCHED_RR', priority: 3 }, ['SCHED_RR', 0, 4], ['/process/scheduler/priority']],
  ['less urgent', { policy: 'SCHED_RR', priority: 3 }, ['SCHED_RR', 0, 2], ['note /process/scheduler/priority']],
  [
    'the nice value of a policy that has none',
    { policy: 'SCHED_FIFO', nice: 5, priority: 1 },
    ['SCHED_FIFO', 0, 1],
    [],
  ],
])('schedulerDrift(): %s', (_, scheduler, [policy, nice, priority], expected) => {
  const wanted = planScheduling({ cwd: '/', user: { uid: 0, gid: 0 }, scheduler }).scheduler!
  expect(pointers(schedulerDrift(wanted, { policy, nice, priority }))).toEqual(expected)
})

const value = (ioPriority: IoPriority) =>
  planScheduling({ cwd: '/', user: { uid: 0, gid: 0 }, ioPriority }).ioPriority!.value
const best = (priority: number) => value({ class: 'IOPRIO_CLASS_BE', priority })
const realTime = (priority: number) => value({ class: 'IOPRIO_CLASS_RT', priority })

test.each<[string, number, number | undefined, string[]]>([
  ['as asked for', best(3), best(3), []],
  ['of a process that is gone', best(3), undefined, []],
  ['another one of the class', best(3), best(0), ['note /process/ioPriority']],
  ['idle', best(3), value({ class: 'IOPRIO_CLASS_IDLE' }), ['note /process/ioPriority']],
  ['real time', best(3), realTime(7), ['/process/ioPriority']],
  ['more urgent', realTime(4), realTime(3), ['/process/ioPriority']],
  ['less urgent', realTime(4), realTime(5), ['note /process/ioPriority']],
])('ioPriorityDrift(): %s', (_, wanted, found, expected) => {
  expect(pointers(ioPriorityDrift(wanted, found))).toEqual(expected)
})

test('ioPriorityDrift() says both by their names', () => {
  expect(ioPriorityDrift(best(3), 0)).toMatchObject([{ expected: 'IOPRIO_CLASS_BE 3', found: 'IOPRIO_CLASS_NONE 0' }])
})
