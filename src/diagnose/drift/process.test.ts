import { expect, test } from 'vitest'
import type { Process } from '../../../spec/generated/config.ts'
import { planProcess } from '../../plan/process/process.ts'
import type { InspectedProcess } from '../inspect.ts'
import type { Comparison } from './comparison.ts'
import { processDrift } from './process.ts'

const SET = ['CAP_KILL', 'CAP_CHOWN']

const process: Process = {
  cwd: '/',
  args: ['true'],
  user: { uid: 0, gid: 0 },
  capabilities: { bounding: SET, permitted: SET, effective: SET },
  noNewPrivileges: true,
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
  oomScoreAdj: 5,
}

const asStarted: InspectedProcess = {
  args: ['true'],
  uid: 0,
  gid: 0,
  additionalGids: [],
  capabilities: { bounding: SET, permitted: SET, effective: SET, inheritable: [], ambient: [] },
  noNewPrivileges: true,
  seccomp: { mode: 'filter', filters: 1 },
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10n, hard: 20n }],
  oomScoreAdj: 5,
  cpus: '0',
  memoryNodes: '0',
  scheduler: { policy: 'SCHED_OTHER', nice: 0, priority: 0 },
}

function compare(found: Partial<InspectedProcess>, wanted: Partial<Process> = {}, started = true) {
  const plan = { process: planProcess({ ...process, ...wanted }, 0), seccomp: {} }
  const comparison = { plan, now: { process: { ...asStarted, ...found } }, started } as unknown as Comparison
  return processDrift(comparison).map(({ pointer, note }) => (note ? `note ${pointer}` : pointer))
}

test('processDrift() finds nothing in what it was started with', () => {
  expect(compare({})).toEqual([])
})

test('processDrift() does not look at a first process that is still the executor', () => {
  expect(compare({ noNewPrivileges: false, seccomp: { mode: 'disabled', filters: 0 } }, {}, false)).toEqual([])
})

test.each<[string, Partial<InspectedProcess>, Partial<Process>, string[]]>([
  ['another label', { label: 'unconfined' }, { selinuxLabel: 'a:b:c:s0' }, ['/process/selinuxLabel']],
  ['no profile', {}, { apparmorProfile: 'web' }, ['/process/apparmorProfile']],
  ['the profile', { label: 'web (enforce)' }, { apparmorProfile: 'web' }, []],
  ['a stacked profile', { label: 'runtime//&web (complain)' }, { apparmorProfile: 'web' }, []],
  ['no filter', { seccomp: { mode: 'disabled', filters: 0 } }, {}, ['/linux/seccomp']],
  ['privileges to be gained', { noNewPrivileges: false }, {}, ['/process/noNewPrivileges']],
  ['none to be gained', {}, { noNewPrivileges: false }, ['note /process/noNewPrivileges']],
  [
    'a higher hard limit',
    { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10n, hard: undefined }] },
    {},
    ['/process/rlimits/0'],
  ],
  [
    'a higher soft limit',
    { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 20n, hard: 20n }] },
    {},
    ['note /process/rlimits/0'],
  ],
  ['less likely to be killed', { oomScoreAdj: 0 }, {}, ['/process/oomScoreAdj']],
  ['more likely to be killed', { oomScoreAdj: 9 }, {}, ['note /process/oomScoreAdj']],
])('processDrift() of %s', (_, found, wanted, pointers) => {
  expect(compare(found, wanted)).toEqual(pointers)
})

test('processDrift(): a capability too many is one, those that were dropped are noted', () => {
  const sets = (more: Partial<InspectedProcess['capabilities']>) => ({
    capabilities: { ...asStarted.capabilities, ...more },
  })
  expect(compare(sets({ effective: [...SET, 'CAP_SYS_ADMIN'] }))).toEqual(['/process/capabilities/effective'])
  expect(compare(sets({ bounding: [...SET, 'CAP_SYS_ADMIN'] }))).toEqual(['/process/capabilities/bounding'])
  expect(compare(sets({ effective: [] }))).toEqual(['note /process/capabilities/effective'])
  // What files may grant.
  const user = { user: { uid: 1000, gid: 1000 }, noNewPrivileges: false }
  const granted = { ...sets({ permitted: ['CAP_KILL'], effective: ['CAP_KILL'] }), noNewPrivileges: false }
  expect(compare(granted, user)).toEqual([
    'note /process/capabilities/permitted',
    'note /process/capabilities/effective',
  ])
  expect(compare({ ...granted, noNewPrivileges: true }, { ...user, noNewPrivileges: true })).toEqual([
    '/process/capabilities/permitted',
    '/process/capabilities/effective',
  ])
})
