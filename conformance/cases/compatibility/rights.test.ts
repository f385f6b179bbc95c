// A runtime of root's that lacks a capability: it works, or one sentence names what is missing, and nothing is left.

import { expect, test } from 'vitest'
import { capabilityNames } from '../../../src/plan/process/capabilities.ts'
import { makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, createRunning, oci, removeLater } from '../../lib/container.ts'
import { field, have, isRoot } from '../../lib/machine.ts'
import { type Result, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun || !isRoot || !have('setpriv'))
const SETS = ['bounding', 'effective', 'permitted'] as const

/** The words by a runtime without that capability. */
function lacking(capability: string, words: string[]): string[] {
  const without = `-${capability.toLowerCase()}`
  return ['setpriv', `--bounding-set=${without}`, `--inh-caps=${without}`, ...words]
}

function runWithout(capability: string, change: (config: Config) => void): Result {
  const { directory } = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/status']
    for (const set of SETS) config.process.capabilities![set] = []
    change(config)
  })
  return run(lacking(capability, command('run', '--bundle', directory, removeLater(fresh()))), { timeout: 20_000 })
}

const asUser = (config: Config) => {
  config.process.user = { uid: 1000, gid: 1000 }
}

it.each([
  ['SETPCAP', () => {}, /lacks CAP_SETPCAP, which it needs to take what process\.capabilities\.bounding/],
  ['SETGID', () => {}, /lacks CAP_SETGID, which it needs to set the groups/],
  ['SETUID', asUser, /lacks CAP_SETUID, which it needs to make a process one of user 1000/],
  ['NET_ADMIN', () => {}, /interface lo up: EPERM \(a network namespace takes CAP_NET_ADMIN/],
  ['SYS_ADMIN', () => {}, /clone3: EPERM \(new namespaces need privileges \(CAP_SYS_ADMIN\)/],
  ['DAC_OVERRIDE', () => {}, /cgroup `[^`]*` is not ours to write; root needs CAP_DAC_OVERRIDE/],
] as const)('without CAP_%s it is named at create (tsrun only)', (capability, change, sentence) => {
  const { status, stdout, stderr } = runWithout(capability, change)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^tsrun: run [^\n]*\n$/)
  expect(stderr).toMatch(sentence)
})

// As with runc; crun makes all nodes, and needs CAP_MKNOD.
it.each(['MKNOD', 'CHOWN', 'FOWNER', 'KILL', 'SYS_RESOURCE', 'SYS_CHROOT', 'SYS_PTRACE', 'SETFCAP', 'SETUID'])(
  'without CAP_%s a container of root runs (tsrun only)',
  capability => {
    expect(runWithout(capability, () => {})).toMatchObject({ status: 0, stderr: '' })
  },
)

it('without CAP_SETPCAP a bounding set that is small enough stays as it is (tsrun only)', () => {
  const own = field(run(lacking('SETPCAP', ['cat', '/proc/self/status'])).stdout, 'CapBnd')
  const { status, stdout } = runWithout('SETPCAP', config => {
    config.process.capabilities!.bounding = capabilityNames(BigInt(`0x${own}`))
  })
  expect(status).toBe(0)
  expect(field(stdout, 'CapBnd')).toBe(own)
})

it.each(['SETPCAP', 'NET_ADMIN'])('without CAP_%s a user namespace has it (tsrun only)', capability => {
  const { status, stdout } = runWithout(capability, config => {
    asUser(config)
    config.linux.namespaces.push({ type: 'user' })
    const mapping = { containerID: 0, hostID: 100_000, size: 2000 }
    Object.assign(config.linux, { uidMappings: [mapping], gidMappings: [mapping] })
  })
  expect(status).toBe(0)
  expect(field(stdout, 'CapBnd')).toBe('0000000000000000')
})

it.each([
  ['SETPCAP', ['exec', '{id}', 'true'], 255, /lacks CAP_SETPCAP/],
  ['SETGID', ['exec', '{id}', 'true'], 255, /lacks CAP_SETGID/],
  ['SETUID', ['exec', '--user', '5:5', '{id}', 'true'], 255, /lacks CAP_SETUID/],
  ['SYS_CHROOT', ['exec', '{id}', 'true'], 255, /EPERM \(this user may not enter [^)]*CAP_SYS_CHROOT/],
  ['KILL', ['kill', '{id}', 'USR1'], 1, /EPERM \(to a process of another user it takes CAP_KILL\)/],
  ['DAC_OVERRIDE', ['delete', '--force', '{id}'], 1, /EACCES \([^)]*root needs CAP_DAC_OVERRIDE/],
] as const)('without CAP_%s, %s says so (tsrun only)', (capability, words, code, sentence) => {
  const container = createRunning(asUser)
  const result = run(lacking(capability, command(...words.map(word => word.replace('{id}', container.id)))))
  expect(result.status).toBe(code)
  expect(result.stderr).toMatch(sentence)
  expect(oci(['delete', '--force', container.id]).status).toBe(0)
})
