// maskedPaths and readonlyPaths.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inside } from '../../lib/container.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

test('a masked file reads as nothing', () => {
  const output = inside('cat /etc/secret | wc -c; stat -c %F /etc/secret', (config, rootfs) => {
    writeFileSync(join(rootfs, 'etc/secret'), 'secret')
    config.linux.maskedPaths = ['/etc/secret']
  })
  expect(output).toBe('0\ncharacter special file')
})

test('a masked directory is empty and stays so', () => {
  const output = inside(
    'ls /var/secrets | wc -l; touch /var/secrets/x 2>/dev/null || echo refused',
    (config, rootfs) => {
      mkdirSync(join(rootfs, 'var/secrets'))
      writeFileSync(join(rootfs, 'var/secrets/one'), 'secret')
      config.linux.maskedPaths = ['/var/secrets']
    },
  )
  expect(output).toBe('0\nrefused')
})

test('paths below /proc and /sys are masked', () => {
  const output = inside('cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l', config => {
    config.linux.maskedPaths = ['/proc/timer_list', '/sys/firmware']
  })
  expect(output).toBe('0\n0')
})

test.each(['/', '//', '/.'])('the root as a read-only path is read-only, what is mounted in it is not: %s', path => {
  const output = inside('touch /x 2>/dev/null || echo refused; echo > /dev/shm/x && echo written', config => {
    config.mounts.push({ destination: '/dev/shm', type: 'tmpfs', source: 'shm' })
    config.linux.readonlyPaths = [path]
  })
  expect(output).toBe('refused\nwritten')
})

test('missing paths are passed over', () => {
  const output = inside('echo fine', config => {
    config.linux.maskedPaths = ['/no/such/path', '/proc/no-such']
    config.linux.readonlyPaths = ['/no/such/path', '/proc/no-such']
  })
  expect(output).toBe('fine')
})

test('many directories are masked', () => {
  const output = inside('cat /var/d*/x 2>/dev/null | wc -c', (config, rootfs) => {
    const names = Array.from({ length: 50 }, (_, at) => `/var/d${at}`)
    for (const name of names) {
      mkdirSync(join(rootfs, name))
      writeFileSync(join(rootfs, name, 'x'), 'secret')
    }
    config.linux.maskedPaths = names
  })
  expect(output).toBe('0')
})

test('a masked path can not be uncovered by the program', () => {
  const output = inside('umount /etc/secret 2>/dev/null || echo refused; cat /etc/secret', (config, rootfs) => {
    writeFileSync(join(rootfs, 'etc/secret'), 'secret')
    config.linux.maskedPaths = ['/etc/secret']
  })
  expect(output).toBe('refused')
})

test('a read-only path refuses writes, its surroundings do not', () => {
  const output = inside(
    'touch /var/fixed/x 2>/dev/null || echo refused; touch /var/free && echo written',
    (config, rootfs) => {
      mkdirSync(join(rootfs, 'var/fixed'))
      config.linux.readonlyPaths = ['/var/fixed']
    },
  )
  expect(output).toBe('refused\nwritten')
})

test('a read-only file refuses writes', () => {
  const output = inside('(echo x > /etc/passwd) 2>/dev/null || echo refused', config => {
    config.linux.readonlyPaths = ['/etc/passwd']
  })
  expect(output).toBe('refused')
})

test('/proc/sys is read-only, with the restrictions of its mount kept', () => {
  const line = inside(
    'grep " /proc/sys " /proc/self/mountinfo; (echo x > /proc/sys/kernel/domainname) 2>/dev/null || echo refused',
  )
  expect(line).toMatch(/ ro[ ,]/)
  expect(line.split('\n').at(-1)).toBe('refused')
})

test('a read-only path keeps nosuid, nodev and noexec of the mount it is on', () => {
  const line = inside('grep " /mnt/sub " /proc/self/mountinfo', config => {
    const options = ['nosuid', 'nodev', 'noexec', 'mode=755']
    config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options })
    config.mounts.push({ destination: '/mnt/sub', type: 'tmpfs', source: 'tmpfs', options })
    config.linux.readonlyPaths = ['/mnt/sub']
  })
  for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) expect(line.split('\n').at(-1)).toContain(option)
})

test('a path may be in both lists', () => {
  const output = inside('ls /var/both | wc -l', (config, rootfs) => {
    mkdirSync(join(rootfs, 'var/both'))
    writeFileSync(join(rootfs, 'var/both/x'), 'secret')
    config.linux.maskedPaths = ['/var/both']
    config.linux.readonlyPaths = ['/var/both']
  })
  expect(output).toBe('0')
})

// Beside a path in it, so that the mount is one of those that are compared in the end.
test('a mount that is masked or read-only as a whole, as well as a path in it', () => {
  const script = "ls /masked /sys; touch /readonly/new /readonly/in/new 2>&1 | sed 's/.*: //'"
  const output = inside(script, (config, rootfs) => {
    const source = join(rootfs, 'var')
    mkdirSync(join(source, 'in'))
    for (const destination of ['/masked', '/readonly'])
      config.mounts.push({ destination, type: 'bind', source, options: ['bind'] })
    config.linux.maskedPaths = ['/masked/in', '/masked', '/sys/kernel', '/sys']
    config.linux.readonlyPaths = ['/readonly/in', '/readonly', '/proc/sys', '/proc']
  })
  expect(output).toBe('/masked:\n\n/sys:\nRead-only file system\nRead-only file system')
})
