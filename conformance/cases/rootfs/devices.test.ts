// Device nodes, links, and the filter on them.

import { rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { inside, runBundle, runScript } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isCrun, isRunc } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { addUserNamespace } from '../../lib/user.ts'

leavesNothing()

/** Lets the program make nodes, as an attacker would. */
function allowMknod(config: Config): void {
  for (const set of Object.values(config.process.capabilities!)) set.push('CAP_MKNOD', 'CAP_DAC_OVERRIDE')
}

test.each([
  ['null', '1:3'],
  ['zero', '1:5'],
  ['full', '1:7'],
  ['random', '1:8'],
  ['urandom', '1:9'],
  ['tty', '5:0'],
])('/dev/%s is there, with its number, for everyone', (name, number) => {
  const output = inside(`stat -c '%F %t:%T %a %u' /dev/${name}`)
  const [major, minor] = number.split(':').map(text => Number(text).toString(16))
  expect(output).toBe(`character special file ${major}:${minor} 666 0`)
})

test.each([
  ['ptmx', 'pts/ptmx'],
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
])('/dev/%s is a link to %s', (name, target) => {
  expect(inside(`readlink /dev/${name}`).replace(/^\/dev\//, '')).toBe(target)
})

test('without a terminal there is no /dev/console', () => {
  expect(inside('test -e /dev/console || echo none')).toBe('none')
})

test('the default devices do their work', () => {
  const output = inside(
    'echo gone > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x 2>&1 > /dev/full || echo full',
  )
  expect(output.split('\n').at(-1)).toBe('full')
  expect(output.split('\n').slice(0, 2)).toEqual(['4', '4'])
})

test('a listed device is made with its mode and owner, whatever the umask', () => {
  const output = inside("stat -c '%F %t:%T %a %u %g' /dev/mine /dev/deep/pipe", config => {
    config.linux.devices = [
      { type: 'c', path: '/dev/mine', major: 1, minor: 3, fileMode: 0o626, uid: 12, gid: 34 },
      { type: 'p', path: '/dev/deep/pipe', fileMode: 0o600 },
    ]
  })
  expect(output).toBe('character special file 1:3 626 12 34\nfifo 0:0 600 0 0')
})

test('a block device and one of the type u are made', () => {
  const output = inside("stat -c '%F %t:%T' /dev/disk /dev/raw", config => {
    config.linux.devices = [
      { type: 'b', path: '/dev/disk', major: 7, minor: 300 },
      { type: 'u', path: '/dev/raw', major: 1, minor: 7 },
    ]
  })
  expect(output).toBe('block special file 7:12c\ncharacter special file 1:7')
})

test.skipIf(isRunc)('a listed device replaces a default one of the same path (runc: fails to open it later)', () => {
  const output = inside("stat -c '%t:%T %a' /dev/null", config => {
    config.linux.devices = [{ type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o600 }]
  })
  expect(output).toMatch(/^1:3 6[06][06]$/)
})

test('a device of an unknown type is an error', () => {
  const bundle = makeBundle(config => {
    config.linux.devices = [{ type: 'x', path: '/dev/x', major: 1, minor: 1 }]
  })
  expectOneSentence(runBundle(bundle), /devices/, 'crun')
})

test('a device outside /dev is made where it is told', () => {
  expect(
    inside('stat -c %t:%T /opt/devices/zero', config => {
      config.linux.devices = [{ type: 'c', path: '/opt/devices/zero', major: 1, minor: 5 }]
    }),
  ).toBe('1:5')
})

// The device is /dev/fuse, 10:229: everyone may open it, so a refusal is the filter's.
// On a hybrid host the peers filter through the devices controller of v1; the effect is the same.
test('the filter denies a device that no rule allows, though its node can be made', () => {
  const output = inside('mknod /tmp/fuse c 10 229 && echo made; (: < /tmp/fuse) 2>/dev/null || echo denied', allowMknod)
  expect(output).toBe('made\ndenied')
})

test('the filter allows a listed rule, and only the access it names', () => {
  const output = inside(
    'mknod /tmp/fuse c 10 229; (: < /tmp/fuse) && echo read; (: > /tmp/fuse) 2>/dev/null || echo no write',
    config => {
      allowMknod(config)
      config.linux.resources = {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 10, minor: 229, access: 'r' },
        ],
      }
    },
  )
  expect(output).toBe('read\nno write')
})

test('a later rule takes back an earlier one', () => {
  const output = inside('mknod /tmp/fuse c 10 229; (: < /tmp/fuse) 2>/dev/null || echo denied', config => {
    allowMknod(config)
    config.linux.resources = {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
        { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
      ],
    }
  })
  expect(output).toBe('denied')
})

test('a rule without minor is for all of them', () => {
  const output = inside('mknod /tmp/fuse c 10 229; (: < /tmp/fuse) && echo read', config => {
    allowMknod(config)
    config.linux.resources = {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, access: 'rwm' },
      ],
    }
  })
  expect(output).toBe('read')
})

test('a rule that allows everything does', () => {
  const output = inside('mknod /tmp/fuse c 10 229; (: < /tmp/fuse) && echo read', config => {
    allowMknod(config)
    config.linux.resources = { devices: [{ allow: true, access: 'rwm' }] }
  })
  expect(output).toBe('read')
})

test('the default devices and new terminals stay allowed', () => {
  const output = inside(
    'for d in null zero full random urandom; do (: < /dev/$d) || echo $d; done; (: < /dev/ptmx) && echo ptmx',
  )
  expect(output).toBe('ptmx')
})

test('in a user namespace devices are those of the host, bound', () => {
  const output = inside(
    'stat -c %t:%T /dev/null /dev/zero; echo x > /dev/null && head -c 2 /dev/zero | wc -c',
    config => {
      addUserNamespace(config)
    },
  )
  expect(output).toBe('1:3\n1:5\n2')
})

test("with the host's /dev nothing is made in it", () => {
  const result = runScript('test -c /dev/null && ls /dev | wc -l', config => {
    config.mounts = config.mounts.filter(mount => !mount.destination.startsWith('/dev'))
    config.mounts.push({ destination: '/dev', type: 'bind', source: '/dev', options: ['rbind', 'rslave'] })
  })
  expect(result.status).toBe(0)
  expect(Number(result.stdout)).toBeGreaterThan(10)
})

test.skipIf(isCrun)('a root without /dev gets one when nothing is mounted there (crun: none)', () => {
  const result = runScript('test -c /dev/null && echo there', (config, rootfs) => {
    config.mounts = config.mounts.filter(mount => !mount.destination.startsWith('/dev'))
    rmdirSync(join(rootfs, 'dev'))
  })
  expect(result.stdout).toBe('there\n')
})
