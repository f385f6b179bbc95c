// linux.netDevices: interfaces of the host that a container gets.

import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { type Change, inside, oci, removeLater, runBundle, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have, hostMounts } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isTsrun, olderThan } from '../../lib/runtime.ts'
import { fresh, later, tag } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Not every kernel can make a pair of virtual interfaces; the machine that `npm run test:vm` boots can. */
const canMakePairs =
  have('ip') && run(['ip', 'link', 'add', 'tsprobe0', 'type', 'veth', 'peer', 'name', 'tsprobe1']).status === 0
if (canMakePairs) must(['ip', 'link', 'delete', 'tsprobe0'])

/** The first `ip netns add` on a machine makes a mount for all of them, which stays. */
const hadNamespaces = hostMounts().some(({ target }) => target === '/run/netns')
beforeAll(() => {
  if (!canMakePairs || hadNamespaces) return
  must(['ip', 'netns', 'add', tag])
  must(['ip', 'netns', 'delete', tag])
})
afterAll(() => {
  if (canMakePairs && !hadNamespaces) run(['umount', '/run/netns'])
})

const unable = !canMakePairs || olderThan('runc', 1, 4) || olderThan('crun', 1, 24)

let count = 0

/** An interface on the host with these addresses, whose other end stays there. */
function makeInterface(...addresses: string[]): string {
  count += 1
  const name = `ts${process.pid % 100_000}n${count}`
  must(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`])
  later(() => run(['ip', 'link', 'delete', `${name}p`]))
  for (const address of addresses) must(['ip', 'address', 'add', address, 'dev', name, 'nodad'])
  must(['ip', 'link', 'set', `${name}p`, 'up'])
  return name
}

const withDevices =
  (devices: Record<string, { name?: string }>): Change =>
  config => {
    config.linux['netDevices'] = devices
  }

const isOnHost = (name: string) => existsSync(`/sys/class/net/${name}`)

test.skipIf(unable)('an interface moves into the container and is up', () => {
  const name = makeInterface()
  expect(inside(`ip link show ${name}`, withDevices({ [name]: {} }))).toMatch(/[<,]UP[,>]/)
  expect(isOnHost(name)).toBe(false)
})

test.skipIf(unable)('it gets its new name and keeps its global addresses', () => {
  const name = makeInterface('10.99.7.2/24', '10.99.8.2/32', 'fd99::7/64')
  const shown = inside('ip address show eth0', withDevices({ [name]: { name: 'eth0' } }))
  for (const address of ['inet 10.99.7.2/24', 'inet 10.99.8.2/32', 'inet6 fd99::7/64']) expect(shown).toContain(address)
  expect(shown).toMatch(/[<,]UP[,>]/)
})

test.skipIf(unable || isCrun)('a template finds the first free name', () => {
  const [first, second] = [makeInterface('10.99.9.2/24'), makeInterface()]
  const devices = { [first]: { name: 'net%d' }, [second]: { name: 'net%d' } }
  const shown = inside('for i in net0 net1; do ip address show $i; done', withDevices(devices))
  expect(shown).toMatch(/net0[\s\S]*net1/)
  expect(shown).toContain('10.99.9.2/24')
})

test.skipIf(unable)('it moves into a namespace that is joined', () => {
  const name = makeInterface('10.99.10.2/24')
  const namespace = fresh('ns')
  must(['ip', 'netns', 'add', namespace])
  later(() => must(['ip', 'netns', 'delete', namespace]))
  inside('true', config => {
    withDevices({ [name]: { name: 'joined' } })(config, '')
    config.linux.namespaces.find(({ type }) => type === 'network')!.path = `/run/netns/${namespace}`
  })
  expect(must(['ip', '-n', namespace, 'address', 'show', 'joined'])).toContain('10.99.10.2/24')
})

test.skipIf(unable || !isTsrun)('a name that is taken is an error, and the interface stays where it is', () => {
  const name = makeInterface('10.99.11.2/24')
  expectOneSentence(tryCreate(makeBundle(withDevices({ [name]: { name: 'lo' } }))).created, /interface `lo` already/)
  expect(must(['ip', 'address', 'show', name])).toContain('10.99.11.2/24')
})

test.skipIf(!isTsrun)('an interface that the host does not have is an error', () => {
  const bundle = makeBundle(withDevices({ nosuchdev0: {} }))
  expectOneSentence(runBundle(bundle), /`nosuchdev0`: the host has no such interface/)
})

test.skipIf(!isTsrun)('without a network namespace it is an error', () => {
  const bundle = makeBundle(config => {
    withDevices({ eth0: {} })(config, '')
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
  })
  expectOneSentence(oci(['run', '--bundle', bundle.directory, removeLater(fresh())]), /netDevices/)
})
