import { expect, test } from 'vitest'
import type { Config } from '../../spec/generated/config.ts'
import { type PlanFacts, planContainer } from './container.ts'

const facts: PlanFacts = {
  id: 'web',
  bundle: '/bundle',
  noPivot: false,
  listenFds: 0,
  inUserNamespace: false,
  capMknod: true,
  arch: 'x86_64',
}
const namespaces = (...types: string[]) =>
  types.map(type => ({ type })) as NonNullable<NonNullable<Config['linux']>['namespaces']>

function config(linux: Config['linux'], more: Partial<Config> = {}): Config {
  return { ociVersion: '1.3.0', root: { path: 'rootfs' }, linux: linux!, ...more }
}

test('planContainer() finds the root in the bundle, or where its absolute path says', () => {
  expect(planContainer(config({}), facts).rootfs).toBe('/bundle/rootfs')
  expect(planContainer(config({}, { root: { path: '/srv/root' } }), facts).rootfs).toBe('/srv/root')
})

test('planContainer() is data: the same configuration gives the same plan, which can be printed', () => {
  const one = config({ namespaces: namespaces('mount', 'pid') })
  expect(planContainer(one, facts)).toEqual(planContainer(structuredClone(one), facts))
  expect(() => JSON.stringify(planContainer(one, facts))).not.toThrow()
})

test('planContainer() makes device nodes where that is allowed, and binds them in a user namespace', () => {
  const op = (types: string[], capMknod: boolean) =>
    planContainer(config({ namespaces: namespaces(...types) }), { ...facts, capMknod }).devices.find(
      ({ path }) => path === '/dev/null',
    )?.op
  expect([op(['mount'], true), op(['mount', 'user'], true), op(['mount'], false)]).toEqual(['mknod', 'bind', 'bind'])
})

test('planContainer() makes no devices in a /dev that is the host’s', () => {
  const devices = [{ path: '/dev/null', type: 'c' as const, major: 1, minor: 3, fileMode: 0o600 }]
  for (const mount of [
    { destination: '/dev', source: '/dev', type: 'bind', options: ['rbind'] },
    { destination: '/dev/', source: 'devtmpfs', type: 'devtmpfs', options: ['nosuid'] },
  ]) {
    const linux = { namespaces: namespaces('mount'), devices }
    const { devices: steps } = planContainer(config(linux, { mounts: [mount] }), facts)
    expect(steps).toEqual([])
  }
})

test('planContainer() has no program for a configuration without a process', () => {
  expect(planContainer(config({}), facts).process).toBeUndefined()
  expect(planContainer(config({}, { process: { cwd: '/', args: ['sh'] } }), facts).process?.args).toEqual(['sh'])
})

test('planContainer() refuses a sysctl of a namespace that is the host’s', () => {
  const sysctl = { 'net.ipv4.ip_forward': '1' }
  expect(() => planContainer(config({ sysctl }), facts)).toThrow('net.ipv4.ip_forward')
  const own = planContainer(config({ sysctl, namespaces: namespaces('network') }), facts)
  expect(own.sysctl).toMatchObject([{ key: 'net.ipv4.ip_forward', value: '1' }])
})

test('planContainer() knows whether a cgroup was asked for', () => {
  expect(planContainer(config({}), facts)).toMatchObject({ cgroupPath: '/tsrun-web', cgroupAsked: false })
  expect(planContainer(config({ cgroupsPath: 'a' }), facts)).toMatchObject({ cgroupPath: '/a', cgroupAsked: true })
})

test('planContainer() translates ids of a mount that are relative to the container', () => {
  const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
  const linux = { namespaces: namespaces('user', 'mount'), uidMappings: mapping, gidMappings: mapping }
  const options = ['rbind', 'idmap=uids=@0-5-1;gids=@0-5-1']
  const [mount] = planContainer(
    config(linux, { mounts: [{ destination: '/mnt', source: '/srv', options }] }),
    facts,
  ).mounts
  expect(mount).toMatchObject({ idmap: { mappings: { uid: [{ containerID: 0, hostID: 100_005, size: 1 }] } } })
})
