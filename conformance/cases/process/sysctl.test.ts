// linux.sysctl: what may be set, where it takes effect, and what is refused.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { inside, runBundle } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

test.each([
  ['kernel.msgmax', '4242'],
  ['kernel.sem', '250\t32000\t100\t500'],
  ['kernel.shm_rmid_forced', '1'],
  ['fs.mqueue.msg_max', '20'],
  ['net.ipv4.ip_forward', '1'],
  ['net.core.somaxconn', '77'],
  ['net.ipv4.ip_local_port_range', '2000\t3000'],
])('%s is set inside and not on the host', (key, value) => {
  const file = `/proc/sys/${key.replaceAll('.', '/')}`
  const before = readFileSync(file, 'utf8')
  const seen = inside(`cat ${file}`, config => {
    config.linux.sysctl = { [key]: value.replaceAll('\t', ' ') }
  })
  expect(seen).toBe(value)
  expect(readFileSync(file, 'utf8')).toBe(before)
})

test('a range of groups that are not mapped is told as that', () => {
  const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
  const bundle = makeBundle(config => {
    config.linux.namespaces.push({ type: 'user' })
    Object.assign(config.linux, { uidMappings: ids, gidMappings: ids })
    config.linux.sysctl = { 'net.ipv4.ping_group_range': '0 2147483647' }
  })
  const sentence = isTsrun ? /ping_group_range.*groups only that the user namespace maps/ : /ping_group_range/
  expect(runBundle(bundle).stderr).toMatch(sentence)
})

test('a key may be written with slashes', () => {
  expect(
    inside('cat /proc/sys/net/ipv4/conf/lo/rp_filter', config => {
      config.linux.sysctl = { 'net/ipv4/conf/lo/rp_filter': '2' }
    }),
  ).toBe('2')
})

test.skipIf(isCrun)('kernel.domainname is set with a uts namespace (crun: refused)', () => {
  expect(
    inside('cat /proc/sys/kernel/domainname', config => {
      config.linux.sysctl = { 'kernel.domainname': 'example.net' }
    }),
  ).toBe('example.net')
})

test.each([
  ['kernel.panic', '1'],
  ['vm.swappiness', '1'],
  ['kernel.hostname', 'x'],
  ['kernel/core_pattern', '|/bin/sh'],
  ['kernel.core_pattern', '|/bin/sh'],
  ['net/../kernel/core_pattern', '|/bin/sh'],
  ['net.ipv4./kernel/core_pattern', '|/bin/sh'],
  ['', 'x'],
])('`%s` is refused', (key, value) => {
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
  const bundle = makeBundle(config => {
    config.linux.sysctl = { [key]: value }
  })
  expectOneSentence(runBundle(bundle), /sysctl/)
  expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before)
})

test.each([
  ['net.ipv4.ip_forward', 'network'],
  ['kernel.msgmax', 'ipc'],
])('%s without a %s namespace is refused', (key, type) => {
  const bundle = makeBundle(config => {
    config.linux.namespaces = config.linux.namespaces.filter(namespace => namespace.type !== type)
    config.mounts = config.mounts.filter(mount => mount.type !== 'mqueue')
    config.linux.sysctl = { [key]: '1' }
  })
  expectOneSentence(runBundle(bundle), new RegExp(type))
})

test("the host's network namespace by its path counts as the host's", () => {
  const bundle = makeBundle(config => {
    const network = config.linux.namespaces.find(({ type }) => type === 'network')!
    network.path = `/proc/${process.pid}/ns/net`
    config.linux.sysctl = { 'net.ipv4.ip_forward': readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() }
  })
  expectOneSentence(runBundle(bundle), /ip_forward|sysctl/, 'crun')
})

test('a key that the kernel does not have is an error that names it', () => {
  const bundle = makeBundle(config => {
    config.linux.sysctl = { 'net.ipv4.no_such_key': '1' }
  })
  expectOneSentence(runBundle(bundle), /no_such_key/)
})

test('a value that the kernel refuses is an error that names the key', () => {
  const bundle = makeBundle(config => {
    config.linux.sysctl = { 'net.ipv4.ip_forward': 'maybe' }
  })
  expectOneSentence(runBundle(bundle), /ip_forward/)
})
