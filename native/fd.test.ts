import { expect, test } from 'vitest'
import { createScriptedHost } from '../testing/scripted.ts'
import { AT_FDCWD, O_RDONLY } from './abi/fcntl.ts'
import { type Fd, Fds } from './fd.ts'
import { createKernel, type Kernel } from './kernel.ts'
import { DirectCalls } from './kernels/direct.ts'

function setUp() {
  const host = createScriptedHost()
  const kernel = createKernel(new DirectCalls(host))
  return { host, open: () => kernel.openat(AT_FDCWD, '/tmp', O_RDONLY) }
}

test('a descriptor is closed at the end of its block, also after an error', () => {
  const { host, open } = setUp()
  expect(() => {
    using _fd = open()
    throw new Error('x')
  }).toThrow('x')
  expect(host.descriptors()).toEqual([])
})

test('it is closed once: the number may belong to somebody else by then', () => {
  const { host, open } = setUp()
  const fd = open()
  fd.close()
  const other = open()
  expect(other.number).toBe(fd.number)
  fd.close()
  expect(host.descriptors().length).toBe(1)
})

test('take() leaves it open', () => {
  const { host, open } = setUp()
  {
    using fd = open()
    fd.take()
  }
  expect(host.descriptors().length).toBe(1)
})

test('Fds close together, unless they were given up', () => {
  const { host, open } = setUp()
  {
    using fds = new Fds()
    fds.keep(open())
    fds.keep(open())
    expect(host.descriptors().length).toBe(2)
  }
  expect(host.descriptors()).toEqual([])
  {
    using fds = new Fds()
    fds.keep(open())
    fds.take()
  }
  expect(host.descriptors().length).toBe(1)
})

test('what is of the other side does not compile, see `sh scripts/ok.sh types`', () => {
  const mixed = (outside: Kernel<'outside'>, inside: Kernel<'inside'>): Fd<'inside'> => {
    const fd = outside.openat(AT_FDCWD, '/', 0)
    // @ts-expect-error: in the executor that number is another descriptor, or none
    inside.fchdir(fd)
    // @ts-expect-error: the same
    inside.moveMount(inside.openTree(AT_FDCWD, '/', true), fd)
    // @ts-expect-error: the other way round
    outside.fchmod(inside.openat(AT_FDCWD, '/', 0), 0)
    // @ts-expect-error: nor does it become one of its own by a new name
    return fd
  }
  expect(mixed).toBeTypeOf('function')
})
