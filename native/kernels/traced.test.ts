import { expect, test } from 'vitest'
import { AT_FDCWD, MFD_CLOEXEC, O_CREAT, O_RDWR } from '../abi/fcntl.ts'
import { launchExecutor } from '../executor/launch.ts'
import { createScriptedHost } from '../hosts/scripted.ts'
import { createKernel } from '../kernel.ts'
import { DirectCalls } from './direct.ts'
import { callText, traced } from './traced.ts'

/** A clock that goes on by 3 microseconds whenever somebody looks. */
function clock(): () => number {
  let time = 0
  return () => {
    time += 3
    return time
  }
}

test('traced() prints name, arguments, result and time', () => {
  const lines: string[] = []
  const kernel = createKernel(traced(new DirectCalls(createScriptedHost()), text => lines.push(text), clock()))
  const fd = kernel.openat(AT_FDCWD, '/tmp/a', O_RDWR | O_CREAT, 0o600)
  kernel.writeAll(fd, 'hello')
  expect(lines).toEqual([
    'openat(-100, "/tmp/a", 0x80042, 0x180) = 3 <3 us>',
    'write(3</tmp/a>, "hello", 5) = 5 <3 us>',
  ])
})

test('traced() names the errno of a tolerated failure, and prints what is thrown', () => {
  const lines: string[] = []
  const kernel = createKernel(traced(new DirectCalls(createScriptedHost()), text => lines.push(text), clock()))
  kernel.rmdir(AT_FDCWD, '/missing')
  expect(() => kernel.mkdirat(AT_FDCWD, '/missing/x', 0o755)).toThrow()
  expect(lines).toEqual([
    'unlinkat(-100, "/missing", 0x200) = -1 ENOENT <3 us>',
    'mkdirat(-100, "/missing/x", 0x1ed) = mkdirat `/missing/x`: ENOENT',
  ])
})

test('traced() prints calls of an executor when their batch is done, descriptors with what they stand for', () => {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const { calls } = launchExecutor(host, outside, { inherited: 3, gifts: [] })
  const lines: string[] = []
  const inside = createKernel(traced(calls, text => lines.push(text), clock()))
  const fd = inside.memfdCreate('x', MFD_CLOEXEC)
  inside.writeText(fd, 'abc')
  expect(lines).toEqual([])
  inside.flush()
  const texts = lines.map(text => text.replace(/<\d+ us>/, '<T>'))
  expect(texts).toEqual(['memfd_create("x", 1) = 3 <T>', 'write(<memfd:x>, "abc", 3) = 3 <T>'])
  inside.ftruncate(fd, 10)
  expect(() => inside.mkdirat(AT_FDCWD, '/missing/x', 0)).not.toThrow()
  inside.umask(0)
  expect(() => inside.flush()).toThrow('mkdirat')
  expect(lines.slice(2).map(text => text.replace(/<\d+ us>/, '<T>'))).toEqual([
    'ftruncate(3<memfd:x>, 10) = 0 <T>',
    'mkdirat(-100, "/missing/x", 0) = -1 ENOENT <T>',
    'umask(0) = ?',
    'flush = mkdirat `/missing/x`: ENOENT',
  ])
})

test('callText() cuts long strings, and shows lists, null pointers and masks', () => {
  expect(callText({ name: 'execve', args: ['/bin/sh', ['sh', '-c'], null] })).toBe(
    'execve("/bin/sh", ["sh", "-c"], NULL)',
  )
  expect(callText({ name: 'chdir', args: ['x'.repeat(70)] })).toBe(`chdir("${'x'.repeat(64)}"...)`)
  expect(callText({ name: 'capset', args: [0x1_0000_0000n] })).toBe('capset(0x100000000)')
})
