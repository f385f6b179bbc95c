import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Architecture } from '../native/arch/architecture.ts'
import type { Host } from '../native/host.ts'
import { createNodeHost } from '../native/hosts/node.ts'
import { createKernel, type Kernel } from '../native/kernel.ts'
import { DirectCalls } from '../native/kernels/direct.ts'

/** The host whose executors a file of tests is about. */
export interface ExecutorHost {
  readonly host: Host
  /** This process, which is not emulated. */
  readonly outside: Kernel
  /** The processor is emulated: calls that the emulator does not know are ENOSYS, and what /proc says is about the emulator. */
  readonly emulated: boolean
}

/** This machine, or where `EXECUTOR` names another one, that by the user mode of qemu. */
export function createExecutorHost(): ExecutorHost {
  const host = createNodeHost([])
  const outside = createKernel(new DirectCalls(host))
  const asked = process.env['EXECUTOR'] as Architecture | undefined
  return asked === undefined
    ? { host, outside, emulated: false }
    : { host: emulating(host, asked), outside, emulated: true }
}

/** Has started what is for another machine by qemu, which wants a file with a name. */
function emulating(host: Host, arch: Architecture): Host {
  const image = join(tmpdir(), `tsrun-executor-${process.pid}`)
  afterAll(() => rmSync(image, { force: true }))
  return {
    ...host,
    arch,
    spawn(program) {
      writeFileSync(image, readFileSync(program.file), { mode: 0o755 })
      return host.spawn({ ...program, file: `/usr/bin/qemu-${arch}`, argv: [`qemu-${arch}`, image] })
    },
  }
}
