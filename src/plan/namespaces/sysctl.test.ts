import { expect, test } from 'vitest'
import { planSysctl, sysctlPaths } from './sysctl.ts'

const own = { ipc: true, network: true, uts: true, user: true }
const shared = { ipc: false, network: false, uts: false, user: false }

test('planSysctl() makes a path of every key, in order', () => {
  expect(planSysctl({ 'net.ipv4.ip_forward': '1', 'kernel/sem': '1 2 3 4' }, own)).toEqual([
    { key: 'net.ipv4.ip_forward', path: 'net/ipv4/ip_forward', value: '1' },
    { key: 'kernel/sem', path: 'kernel/sem', value: '1 2 3 4' },
  ])
  expect(planSysctl(undefined, own)).toEqual([])
})

test.each(['net/ipv4/conf/eno2.100/rp_filter', 'net.ipv4.conf.eno2/100.rp_filter'])(
  'sysctlPaths() lets the first separator of %s decide, and has both separate names else',
  key => {
    expect(sysctlPaths(key)).toEqual(['net/ipv4/conf/eno2.100/rp_filter', 'net/ipv4/conf/eno2/100/rp_filter'])
  },
)

test.each(['net.ipv4.ip_forward', 'net/ipv4/ip_forward', 'net//ipv4/ip_forward', 'net..ipv4.ip_forward'])(
  'sysctlPaths() has one file for %s',
  key => {
    expect(sysctlPaths(key)).toEqual(['net/ipv4/ip_forward'])
  },
)

test('planSysctl() knows both files that a key may mean, and both have to be the container’s own', () => {
  expect(planSysctl({ 'net.ipv4/ip_forward': '1' }, own)).toEqual([
    { key: 'net.ipv4/ip_forward', path: 'net/ipv4.ip_forward', otherwise: 'net/ipv4/ip_forward', value: '1' },
  ])
  expect(() => planSysctl({ 'kernel/domainname.x': '1' }, own)).toThrow('is not in a separate kernel namespace')
  expect(() => planSysctl({ 'fs/mqueue.msg_max': '1' }, { ...own, ipc: false })).toThrow()
})

test.each([
  'net/../kernel/core_pattern',
  'net.//.kernel.core_pattern',
  'net./.x',
  'net./',
  '/net/x',
  'net/x/',
  '.net.x',
  'net.x.',
  '',
])('planSysctl() refuses `%s`, which leaves its directory or has an empty name', key => {
  expect(() => planSysctl({ [key]: '1' }, own)).toThrow('is not the name of a sysctl')
})

test.each([
  ['kernel.shmmax', 'ipc'],
  ['kernel.msgmni', 'ipc'],
  ['fs.mqueue.msg_max', 'ipc'],
  ['net.core.somaxconn', 'network'],
  ['kernel.domainname', 'uts'],
  ['user.max_user_namespaces', 'user'],
])('planSysctl() demands for %s a %s namespace of the own', (key, namespace) => {
  expect(() => planSysctl({ [key]: '1' }, { ...own, [namespace]: false })).toThrow(`needs a ${namespace} namespace`)
  expect(planSysctl({ [key]: '1' }, { ...shared, [namespace]: true })).toHaveLength(1)
})

test.each([
  'kernel.core_pattern',
  'vm.swappiness',
  'kernel.shmmax.x',
  'fs.file-max',
  'network.x',
  'net',
  'constructor',
])('planSysctl() refuses %s, which belongs to the host', key => {
  expect(() => planSysctl({ [key]: '1' }, own)).toThrow('is not in a separate kernel namespace')
})

test('planSysctl() sends the hostname to its property', () => {
  expect(() => planSysctl({ 'kernel/hostname': 'x' }, own)).toThrow('/linux/sysctl/kernel~1hostname: ')
})

test('planSysctl() refuses a domain name that differs from the property', () => {
  const sysctl = { 'kernel.domainname': 'a' }
  expect(() => planSysctl(sysctl, { ...own, domainname: 'b' })).toThrow('differs from the property `domainname`')
  expect(planSysctl(sysctl, { ...own, domainname: 'a' })).toHaveLength(1)
})
