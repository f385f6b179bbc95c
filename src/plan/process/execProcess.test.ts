import { expect, test } from 'vitest'
import type { Process } from '../../../spec/generated/config.ts'
import { processToRun } from './execProcess.ts'

const own: Process = {
  terminal: true,
  args: ['init'],
  cwd: '/work',
  env: ['PATH=/bin', 'A=1'],
  user: { uid: 5, gid: 6, additionalGids: [7], umask: 0o77 },
  capabilities: { bounding: ['CAP_KILL'], permitted: ['CAP_KILL'], effective: ['CAP_KILL'], ambient: ['CAP_KILL'] },
  rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
  noNewPrivileges: true,
  apparmorProfile: 'container',
  oomScoreAdj: 10,
  execCPUAffinity: { initial: '0' },
}

test('processToRun() takes everything of the own process but program and terminal', () => {
  expect(processToRun(own, undefined, { args: ['ls'] })).toEqual({ ...own, terminal: false, args: ['ls'] })
})

test('processToRun() without any process starts in the root directory', () => {
  expect(processToRun(undefined, undefined, { args: ['ls'] })).toEqual({
    cwd: '/',
    terminal: false,
    args: ['ls'],
    user: {},
  })
})

test('processToRun() lets a file say everything, but for what every process of the container has', () => {
  const { capabilities, rlimits, apparmorProfile, oomScoreAdj, execCPUAffinity } = own
  const inherited = { capabilities, rlimits, apparmorProfile, oomScoreAdj, execCPUAffinity }
  expect(processToRun(own, { cwd: '/', args: ['ls'], terminal: true }, {})).toEqual({
    ...inherited,
    cwd: '/',
    args: ['ls'],
    terminal: true,
    user: {},
  })
  expect(processToRun(own, { cwd: '/', args: ['ls'], capabilities: {}, rlimits: [] }, {})).toMatchObject({
    capabilities: {},
    rlimits: [],
  })
})

test('processToRun() changes the user piece by piece', () => {
  const user = (changes: object) => processToRun(own, undefined, { args: ['ls'], ...changes }).user
  expect(user({ uid: 9 })).toEqual({ uid: 9, gid: 6, additionalGids: [7], umask: 0o77 })
  expect(user({ uid: 0, gid: 0 })).toMatchObject({ uid: 0, gid: 0 })
  expect(user({ additionalGids: [8] })).toMatchObject({ uid: 5, additionalGids: [7, 8] })
})

test('processToRun() puts the other changes on top', () => {
  const changes = { cwd: '/tmp', env: ['A=2'], terminal: true, selinuxLabel: 'l', apparmorProfile: 'p' }
  expect(
    processToRun({ ...own, noNewPrivileges: false }, undefined, { ...changes, noNewPrivileges: true }),
  ).toMatchObject({
    cwd: '/tmp',
    env: ['PATH=/bin', 'A=1', 'A=2'],
    terminal: true,
    noNewPrivileges: true,
    selinuxLabel: 'l',
    apparmorProfile: 'p',
  })
  expect(processToRun(own, undefined, { noNewPrivileges: false }).noNewPrivileges).toBe(true)
})

const capabilities = (changes: object) => processToRun(own, undefined, { capabilities: changes }).capabilities

test('an added capability never becomes inheritable or ambient (CVE-2022-29162)', () => {
  expect(capabilities({ add: ['sys_admin', 'CAP_KILL'] })).toEqual({
    bounding: ['CAP_KILL', 'CAP_SYS_ADMIN'],
    permitted: ['CAP_KILL', 'CAP_SYS_ADMIN'],
    effective: ['CAP_KILL', 'CAP_SYS_ADMIN'],
    inheritable: [],
    ambient: ['CAP_KILL'],
  })
})

const nothing = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] }

test('a dropped capability leaves every set, and what is added comes after that', () => {
  expect(capabilities({ drop: ['KILL'] })).toEqual(nothing)
  expect(capabilities({ drop: ['all'] })).toEqual(nothing)
  expect(capabilities({ drop: ['ALL'], add: ['CAP_CHOWN'] })).toMatchObject({ effective: ['CAP_CHOWN'], ambient: [] })
})

test('set capabilities stand instead of those that there are', () => {
  expect(capabilities({ set: ['CAP_CHOWN'] })).toMatchObject({ bounding: ['CAP_CHOWN'], ambient: [] })
  expect(capabilities({ set: [] })).toEqual(nothing)
})

test('an unknown capability that is to be dropped is an error: it would stay', () => {
  expect(() => capabilities({ drop: ['KIL'] })).toThrow('`KIL` is not a capability')
  expect(capabilities({ drop: ['all'] })!.permitted).toEqual([])
})

test('an unknown capability is left to who warns about it', () => {
  expect(capabilities({ add: ['fly'] })).toMatchObject({ permitted: expect.arrayContaining(['CAP_FLY']) })
})

test('a capability that is added is ambient where the container has it as inheritable, and only there', () => {
  const other = { ...own, capabilities: { inheritable: ['CAP_KILL'], permitted: ['CAP_KILL'] } }
  const { capabilities } = processToRun(other, undefined, { capabilities: { add: ['KILL', 'CHOWN'] } })
  expect(capabilities).toMatchObject({ inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'] })
})
