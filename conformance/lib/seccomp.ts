// Profiles for cases, and the program that makes single calls inside and answers for an agent; see seccomp.c.

import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { architecture } from '../../native/arch/architecture.ts'
import { architectures, nativeArchitecture } from '../../src/plan/seccomp/architectures.ts'
import { compile } from './compile.ts'
import type { Change } from './container.ts'
import { launch, type Running } from './run.ts'
import { later, sceneDirectory } from './scene.ts'

export interface Rule {
  names: string[]
  action: string
  errnoRet?: number
  args?: { index: number; value: number; valueTwo?: number; op: string }[]
}

export interface Profile {
  defaultAction: string
  defaultErrnoRet?: number
  architectures?: string[]
  flags?: string[]
  listenerPath?: string
  listenerMetadata?: string
  syscalls?: Rule[]
}

/** The architecture of this machine, as profiles call it. */
export const NATIVE = nativeArchitecture[architecture!]
export const isX86 = architecture === 'x86_64'

/** The number of a call on this machine. */
export function numberOf(name: string): number {
  let number = -1
  for (const word of architectures[NATIVE].calls.split(' ')) {
    number = /^\d/.test(word) ? Number(word) - 1 : number + 1
    if (word === name) return number
  }
  throw new Error(`${NATIVE} has no call ${name}`)
}

/** What the C library makes directories with, and removes them: without the older calls on a newer architecture. */
export const MKDIR = isX86 ? 'mkdir' : 'mkdirat'
export const RMDIR = isX86 ? 'rmdir' : 'unlinkat'

/** A program for 32-bit ARM, which arm64 runs too: calls getppid, and ends with its result, negated. */
export function armProgram(): Buffer {
  const words = [
    ...[0x464c457f, 0x00010101, 0, 0], // the executable of 32 bits,
    ...[0x00280002, 1, 0x10054, 52, 0, 0x05000000, 0x00200034, 0x00000001, 0], // for ARM, EABI 5, with one segment:
    ...[1, 0, 0x10000, 0x10000, 104, 104, 5, 0x1000], // all of this file
    ...[0xe3a07040, 0xef000000], // mov r7, #64; svc #0
    ...[0xe2600000, 0xe3a07001, 0xef000000], // rsb r0, r0, #0; mov r7, #1; svc #0
  ]
  return Buffer.from(Uint32Array.from(words).buffer)
}

/** Where the probe is in a container. */
export const PROBE = '/bin/probe'

let probe: string | undefined

/** The compiled probe, on the host. */
export function compileProbe(): string {
  if (probe === undefined) {
    probe = join(sceneDirectory, 'probe')
    compile('seccomp', probe)
  }
  return probe
}

/** Gives a container this profile, and the probe. */
export function withProfile(profile: Profile, change: Change = () => {}): Change {
  return (config, rootfs) => {
    copyFileSync(compileProbe(), join(rootfs, PROBE))
    config.linux['seccomp'] = profile
    change(config, rootfs)
  }
}

/** Everything is allowed but for these rules. */
export function allowingAllBut(...syscalls: Rule[]): Profile {
  return { defaultAction: 'SCMP_ACT_ALLOW', architectures: [NATIVE], syscalls }
}

/** What the installed podman gives a container with few capabilities. */
export function podmanDefault(): Profile {
  const { defaultAction, defaultErrnoRet, syscalls } = JSON.parse(
    readFileSync('/usr/share/containers/seccomp.json', 'utf8'),
  )
  type Conditional = Rule & { includes?: { caps?: string[]; arches?: string[] } }
  const rules = (syscalls as Conditional[]).filter(
    ({ includes }) => !includes?.caps && (!includes?.arches || includes.arches.includes(isX86 ? 'amd64' : 'arm64')),
  )
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: isX86 ? [NATIVE, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'] : [NATIVE, 'SCMP_ARCH_ARM'],
    syscalls: rules.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet && { errnoRet }),
      ...(args && { args }),
    })),
  }
}

/** An agent that lets calls go on but for these numbers, which fail; it runs until the test ends. */
export async function startAgent(socket: string, errnos: Record<number, number> = {}): Promise<Running> {
  const rules = Object.entries(errnos).map(([number, errno]) => `${number}=${errno}`)
  const agent = launch([compileProbe(), 'agent', socket, ...rules])
  later(() => void agent.child.kill('SIGKILL'))
  await agent.speaks
  return agent
}

/** Ends an agent and gives the lines that it has printed. */
export async function linesOf(agent: Running): Promise<string[]> {
  agent.child.kill('SIGKILL')
  return (await agent.done).stdout.trim().split('\n')
}
