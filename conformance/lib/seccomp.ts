// Profiles for cases, and the program that makes single calls inside and answers for an agent; see seccomp.c.

import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Change } from './container.ts'
import { launch, must, type Running } from './run.ts'
import { repository } from './runtime.ts'
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

/** Where the probe is in a container. */
export const PROBE = '/bin/probe'

let probe: string | undefined

/** The compiled probe, on the host. */
export function compileProbe(): string {
  if (probe === undefined) {
    probe = join(sceneDirectory, 'probe')
    must(['cc', '-static', '-O1', '-o', probe, join(repository, 'conformance/lib/seccomp.c')])
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
  return { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls }
}

/** What the installed podman gives a container with few capabilities. */
export function podmanDefault(): Profile {
  const { defaultAction, defaultErrnoRet, syscalls } = JSON.parse(
    readFileSync('/usr/share/containers/seccomp.json', 'utf8'),
  )
  type Conditional = Rule & { includes?: { caps?: string[]; arches?: string[] } }
  const rules = (syscalls as Conditional[]).filter(
    ({ includes }) => !includes?.caps && (!includes?.arches || includes.arches.includes('amd64')),
  )
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
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
