import { expect, test } from 'vitest'
import { createScriptedHost } from '../../testing/scripted.ts'
import { ENOENT } from '../abi/errno.ts'
import { AT_FDCWD, O_CREAT, O_RDWR } from '../abi/fcntl.ts'
import { doing, phraseTexts } from '../failure.ts'
import { createKernel, type Kernel } from '../kernel.ts'
import { Out, Struct, Words } from '../struct.ts'
import { DirectCalls } from './direct.ts'
import { callText, type MadeCall, madeText, outcome, traced } from './traced.ts'

/** A kernel, and what was made through it. The clock goes on by 3 ns whenever somebody looks. */
function watched(): { kernel: Kernel; made: MadeCall[] } {
  const made: MadeCall[] = []
  let time = 0
  const clock = () => {
    time += 3
    return time
  }
  const kernel = createKernel(traced(new DirectCalls(createScriptedHost()), one => made.push(one), clock))
  return { kernel, made }
}

test('traced() reports calls with their results, in order', () => {
  const { kernel, made } = watched()
  const fd = kernel.openat(AT_FDCWD, '/tmp/a', O_RDWR | O_CREAT, 0o600)
  kernel.writeAll(fd, 'hello')
  expect(made.map(madeText)).toEqual([
    'openat(AT_FDCWD, "/tmp/a", 0x80042, 0600) = 3',
    'write(3</tmp/a>, "hello", 5) = 5',
  ])
  expect(made.map(({ start, end }) => [start, end])).toEqual([
    [3, 6],
    [9, 12],
  ])
})

test('traced() tells what was being done', () => {
  const { kernel, made } = watched()
  doing('mount `/proc`', () => kernel.getpid())
  expect(phraseTexts(made[0]!.phrase)).toEqual(['mount `/proc`'])
})

test('traced() reports a failed call and lets the failure through', () => {
  const { kernel, made } = watched()
  kernel.rmdir(AT_FDCWD, '/missing')
  expect(() => kernel.mkdirat(AT_FDCWD, '/missing/x', 0o755)).toThrow('mkdirat `/missing/x`: ENOENT')
  expect(made.map(madeText)).toEqual([
    'unlinkat(AT_FDCWD, "/missing", 0x200) = -1 ENOENT',
    'mkdirat(AT_FDCWD, "/missing/x", 0755) = -1 ENOENT',
  ])
  expect(made.map(outcome)).toEqual(['tolerated', 'failed'])
})

test('outcome() knows what a call expects', () => {
  const result = (call: object, value: number | undefined) =>
    outcome({ call: { name: 'read', args: [], ...call }, result: value })
  expect(result({}, 0)).toBe('good')
  expect(result({ expect: 'positive' }, 0)).toBe('failed')
  expect(result({ expect: 'zero' }, 1)).toBe('failed')
  expect(result({ tolerate: 'any' }, -ENOENT)).toBe('tolerated')
  expect(result({ tolerate: [1] }, -ENOENT)).toBe('failed')
  expect(result({}, undefined)).toBe('unknown')
})

test.each([
  [{ name: 'mount', args: ['proc', '/proc', null, 0x100e] }, 'mount("proc", "/proc", NULL, 0x100e)'],
  [{ name: 'chdir', args: ['x'.repeat(70)] }, `chdir("${'x'.repeat(64)}"...)`],
  [{ name: 'unshare', args: [0x1_0000_0000n] }, 'unshare(0x100000000)'],
  [{ name: 'fchownat', args: [3, 'f', 100000, 1000, 0x100] }, 'fchownat(3, "f", 100000, 1000, 0x100)'],
  [{ name: 'read', args: [3, new Out(65536), 65536] }, 'read(3, <65536 bytes>, 65536)'],
  [
    { name: 'openat2', args: [3, '/', new Struct(24).u64(0, 0x80000).u64(16, 0x12), 24] },
    'openat2(3, "/", {0x80000, 0x0, 0x12}, 24)',
  ],
  [
    { name: 'openat2', args: [3, '/', new Words([0x80000, 0, 0x12, 0]), 24] },
    'openat2(3, "/", {0x80000, 0x0, 0x12}, 24)',
  ],
  [{ name: 'clone3', args: [new Struct(88).word(8, new Out(4)), 88] }, 'clone3({0x0, <4 bytes>}, 88)'],
] as const)('callText() of %o', (call, text) => {
  expect(callText(call)).toBe(text)
})

test('callText() keeps environments to itself', () => {
  const text = callText({ name: 'execve', args: ['/bin/sh', ['sh', '-c'], ['PASSWORD=secret', 'HOME=/']] })
  expect(text).toBe('execve("/bin/sh", ["sh", "-c"], /* 2 vars */)')
})
