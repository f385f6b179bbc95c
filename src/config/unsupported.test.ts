import { expect, test } from 'vitest'
import type { Config } from '../../spec/generated/config.ts'
import { ConfigError } from '../errors.ts'
import { specTemplate } from './template.ts'
import { refuseUnsupported } from './unsupported.ts'

const config = (parts: Partial<Config>): Config => ({ ociVersion: '1.3.0', ...parts })
const process = (part: Config['process']) => config(part ? { process: part } : {})
const linux = (part: NonNullable<Config['linux']>) => config({ linux: part })
const resources = (part: NonNullable<NonNullable<Config['linux']>['resources']>) => linux({ resources: part })

test.each<[string, Config]>([
  ['/process/terminal', process({ cwd: '/', terminal: true })],
  ['/process/apparmorProfile', process({ cwd: '/', apparmorProfile: 'docker-default' })],
  ['/process/selinuxLabel', process({ cwd: '/', selinuxLabel: 'a:b:c' })],
  ['/process/scheduler', process({ cwd: '/', scheduler: { policy: 'SCHED_OTHER' } })],
  ['/process/ioPriority', process({ cwd: '/', ioPriority: { class: 'IOPRIO_CLASS_BE' } })],
  ['/linux/seccomp', linux({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } })],
  ['/linux/mountLabel', linux({ mountLabel: 'a:b:c' })],
  ['/linux/intelRdt', linux({ intelRdt: {} })],
  ['/linux/netDevices', linux({ netDevices: { eth0: {} } })],
  ['/linux/memoryPolicy', linux({ memoryPolicy: { mode: 'MPOL_LOCAL' } })],
  ['/linux/personality', linux({ personality: { domain: 'LINUX32' } })],
  ['/linux/resources/memory', resources({ memory: { limit: 1 } })],
  ['/linux/resources/memory', resources({ memory: { swap: 9007199254740993n } })],
  ['/linux/resources/memory', resources({ memory: { swappiness: 60 } })],
  ['/linux/resources/memory', resources({ memory: { disableOOMKiller: true } })],
  ['/linux/resources/cpu', resources({ cpu: { shares: 2 } })],
  ['/linux/resources/cpu', resources({ cpu: { quota: 1000, period: 1000 } })],
  ['/linux/resources/cpu', resources({ cpu: { mems: '0' } })],
  ['/linux/resources/pids', resources({ pids: { limit: 2048 } })],
  ['/linux/resources/blockIO', resources({ blockIO: { weight: 10 } })],
  ['/linux/resources/blockIO', resources({ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } })],
  ['/linux/resources/hugepageLimits', resources({ hugepageLimits: [{ pageSize: '2MB', limit: 0 }] })],
  ['/linux/resources/rdma', resources({ rdma: { mlx: { hcaHandles: 1 } } })],
  ['/linux/resources/network', resources({ network: { classID: 1 } })],
  ['/linux/resources/network', resources({ network: { priorities: [{ name: 'eth0', priority: 1 }] } })],
  ['/linux/resources/unified', resources({ unified: { 'memory.high': '1' } })],
])('refuseUnsupported() refuses %s', (pointer, asking) => {
  try {
    refuseUnsupported(asking)
    expect.fail('nothing was thrown')
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ pointer })
    expect((error as Error).message).toMatch(/^\/[\w/]+: .* is not supported yet; [^.]+$/)
  }
})

test.each<[string, Config]>([
  ['the template', specTemplate()],
  ['an unconfined profile', process({ cwd: '/', apparmorProfile: 'unconfined', selinuxLabel: '', terminal: false })],
  ['CPUs for exec', process({ cwd: '/', execCPUAffinity: { initial: '0' } })],
  [
    'nothing but empty objects',
    resources({ memory: {}, cpu: {}, pids: {}, blockIO: {}, network: {}, unified: {}, rdma: {} }),
  ],
  [
    'the zeros of docker',
    resources({
      memory: { limit: 0, swap: 0, disableOOMKiller: false, useHierarchy: true, swappiness: 18446744073709551615n },
      cpu: { shares: 0, quota: 0, period: 0, cpus: '', mems: '', realtimePeriod: 0, realtimeRuntime: 0 },
      pids: { limit: 0 },
      blockIO: { weight: 0, weightDevice: [], throttleReadBpsDevice: [] },
      devices: [{ allow: false, access: 'rwm' }],
    }),
  ],
  [
    'no limits',
    resources({ memory: { limit: -1, swap: -1 }, cpu: { quota: -1, period: 100000 }, pids: { limit: -1 } }),
  ],
])('refuseUnsupported() lets %s pass', (_, asking) => {
  expect(() => refuseUnsupported(asking)).not.toThrow()
})

test('the sentence tells how to do without', () => {
  expect(() => refuseUnsupported(linux({ seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } }))).toThrow(
    '/linux/seccomp: seccomp is not supported yet; remove it or run with seccomp unconfined (podman: --security-opt seccomp=unconfined)',
  )
})
