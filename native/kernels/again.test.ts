import { expect, test } from 'vitest'
import { createScriptedHost } from '../../testing/scripted.ts'
import { EAGAIN } from '../abi/errno.ts'
import { AT_FDCWD, O_NONBLOCK, O_PATH } from '../abi/fcntl.ts'
import { launchExecutor } from '../executor/launch.ts'
import { createKernel, type Kernel } from '../kernel.ts'
import { Words } from '../struct.ts'
import { isDisturbed, Persistence, persistenceFor } from './again.ts'
import { DirectCalls } from './direct.ts'

test('what was disturbed is the openat2 or the bpf that says EAGAIN', () => {
  expect(isDisturbed({ name: 'openat2' }, -EAGAIN)).toBe(true)
  expect(isDisturbed({ name: 'bpf' }, -EAGAIN)).toBe(true)
  expect(isDisturbed({ name: 'openat2' }, -1)).toBe(false)
  expect(isDisturbed({ name: 'clone3' }, -EAGAIN)).toBe(false)
})

test('time runs from the first question on, and after a while somebody is told', () => {
  let now = 1_000_000
  let told = 0
  const persistence = new Persistence(
    () => now,
    () => told++,
  )
  const after = (milliseconds: number) => {
    now += milliseconds
    return [persistence.lasts, told]
  }
  expect(after(0)).toEqual([true, 0])
  expect(after(4_999)).toEqual([true, 0])
  expect(after(2)).toEqual([true, 1])
  expect(after(4_000)).toEqual([true, 1])
  expect(after(1_000)).toEqual([false, 1])
})

test('what may have a lease is not asked for long', () => {
  const open = (flags: number) => ({ name: 'openat2', args: [AT_FDCWD, 'file', new Words([flags, 0, 0]), 24] }) as const
  expect(persistenceFor(open(O_NONBLOCK))).toBeLessThan(1000)
  expect(persistenceFor(open(O_PATH))).toBe(10_000)
  expect(persistenceFor({ name: 'bpf', args: [] })).toBe(10_000)
})

/** Has the next `times` calls of the name say EAGAIN. Returns how often it was made. */
function disturbed(work: (kernel: Kernel) => void, inside: boolean, times: number): number {
  using host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const executor = inside ? launchExecutor(host, outside, { passed: [] }) : undefined
  executor?.kernel.flush()
  const { faults, log } = host.world
  const { get } = faults
  let left = times
  // Whatever its number is: only the model's own log knows the name.
  faults.get = number => (log.at(-1)?.name === 'openat2' && left-- > 0 ? EAGAIN : get.call(faults, number))
  work(executor?.kernel ?? outside)
  return log.filter(({ name }) => name === 'openat2').length
}

test.each([
  ['this process', false],
  ['an executor', true],
])('%s makes it again, also where errors are answers, and what comes after it comes once', (_, inside) => {
  const made = disturbed(
    kernel => {
      kernel.mkdirat(AT_FDCWD, '/tmp/before', 0o755)
      const fd = kernel.openat2(AT_FDCWD, '/tmp', O_PATH, 0, 'any')
      kernel.mkdirat(fd, 'after', 0o755)
      expect(kernel.statx(AT_FDCWD, '/tmp/after').stat).toBeDefined()
    },
    inside,
    100,
  )
  expect(made).toBe(101)
})

test('it can not be recorded for an executor to do alone', () => {
  using host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const { calls, kernel } = launchExecutor(host, outside, { passed: [] })
  expect(() => calls.record(() => kernel.openat2(AT_FDCWD, '/tmp', O_PATH, 0))).toThrow('asked for again')
})
