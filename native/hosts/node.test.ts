import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kernelContract, type Subject } from '../../testing/kernel.contract.ts'
import { signals } from '../abi/signal.ts'
import { POLLIN } from '../abi/socket.ts'
import { launchExecutor } from '../executor/launch.ts'
import { KernelError } from '../failure.ts'
import type { Host } from '../host.ts'
import { createKernel } from '../kernel.ts'
import { DirectCalls } from '../kernels/direct.ts'
import { createNodeHost } from './node.ts'

const linux = process.platform === 'linux'
const { SIGUSR2 } = signals as { SIGUSR2: number }
const host = linux ? createNodeHost(['--root', '/tmp']) : (undefined as unknown as Host)

function scratch() {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-contract-'))
  return { directory, release: () => rmSync(directory, { recursive: true }) }
}

function direct(): Subject {
  const kernel = createKernel(new DirectCalls(host))
  const spawn = () => host.spawn({ file: '/bin/sh', argv: ['sh', '-c', 'exit 3'], env: [], descriptors: [] })
  return { kernel, spawn, ...scratch() }
}

function throughExecutor(): Subject {
  const outside = createKernel(new DirectCalls(host))
  const executor = launchExecutor(host, outside, { passed: [] })
  const { directory, release } = scratch()
  return {
    kernel: executor.kernel,
    directory,
    release() {
      executor.release()
      outside.wait(executor.pid, 0)
      release()
    },
  }
}

if (linux) kernelContract({ name: 'this process on Node.js', make: direct })
if (linux && host.arch === 'x86_64')
  kernelContract({
    name: 'the executor on Node.js',
    make: throughExecutor,
    skip: [
      {
        reason: 'the executor starts processes only with clone3, see launch.test.ts',
        tests: ['a child is waited for once', 'the pidfd of a child is readable when it has ended'],
      },
    ],
  })

test.runIf(linux)('spawn() gives -errno for a program that is missing', () => {
  expect(host.spawn({ file: '/missing', argv: ['x'], env: [], descriptors: [] })).toBe(-2)
})

test.runIf(linux)('spawn() hands over descriptors and environment and nothing else', () => {
  const kernel = createKernel(new DirectCalls(host))
  using output = kernel.memfdCreate('output', 1)
  const script = 'echo $A; ls /proc/self/fd | wc -l'
  const env = ['A=b', 'PATH=/usr/bin:/bin']
  const pid = host.spawn({ file: '/bin/sh', argv: ['sh', '-c', script], env, descriptors: [undefined, output.number] })
  kernel.wait(pid, 0)
  kernel.rewind(output)
  const [value, count] = new TextDecoder().decode(kernel.readAll(output)).split('\n')
  expect(value).toBe('b')
  expect(Number(count)).toBeLessThanOrEqual(4) // stdio and the directory that ls reads
})

test.runIf(linux)('map() shows what others write to the file, and fails as a Failure', () => {
  const kernel = createKernel(new DirectCalls(host))
  using fd = kernel.memfdCreate('shared', 1)
  kernel.ftruncate(fd, 4096)
  const memory = host.map(fd.number, 4096)
  kernel.writeAll(fd, 'seen')
  expect(new TextDecoder().decode(memory.bytes.slice(0, 4))).toBe('seen')
  host.unmap(memory)
  expect(() => host.map(-1, 4096)).toThrow(KernelError)
})

test.runIf(linux)('poll() does not block the event loop', async () => {
  const kernel = createKernel(new DirectCalls(host))
  const [one, other] = kernel.socketpair()
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  const polled = host.poll([{ fd: one.number, events: POLLIN }], 5000)
  setTimeout(() => kernel.writeAll(other, 'x'), 60)
  expect(await polled).toEqual([POLLIN])
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(2)
  expect(await host.poll([{ fd: other.number, events: POLLIN }], 1)).toEqual([0])
  one.close()
  other.close()
})

test.runIf(linux)('a patient poll() waits on the spot first, and a signal ends its patience', async () => {
  const kernel = createKernel(new DirectCalls(host))
  const patient = createNodeHost([], { patienceMs: 3000 })
  const fd = patient.watchSignals([SIGUSR2])
  const script = `sleep 0.05; kill -USR2 ${process.pid}`
  const pid = host.spawn({ file: '/bin/sh', argv: ['sh', '-c', script], env: ['PATH=/usr/bin:/bin'], descriptors: [] })
  const before = performance.now()
  expect(await patient.poll([{ fd, events: POLLIN }], 5000)).toEqual([POLLIN])
  expect(performance.now() - before).toBeLessThan(2000)
  expect([...kernel.read(fd, 10)]).toEqual([SIGUSR2])
  kernel.wait(pid, 0)
  process.removeAllListeners('SIGUSR2')
  const impatient = createNodeHost([], { patienceMs: 1 })
  expect(await impatient.poll([{ fd, events: POLLIN }], 10)).toEqual([0])
})

test.runIf(linux)('watched signals are readable by number', async () => {
  const kernel = createKernel(new DirectCalls(host))
  const fd = host.watchSignals([SIGUSR2])
  process.kill(process.pid, 'SIGUSR2')
  expect(await host.poll([{ fd, events: POLLIN }], 5000)).toEqual([POLLIN])
  expect([...kernel.read(fd, 10)]).toEqual([SIGUSR2])
  process.removeAllListeners('SIGUSR2')
})

test.runIf(linux)('arguments, environment and the limit of the caller are there', () => {
  expect(host.argv).toEqual(['--root', '/tmp'])
  expect(host.env).toContain(`PATH=${process.env['PATH']}`)
  expect(host.callerNofile).toBeUndefined() // only the installed program is told
})
