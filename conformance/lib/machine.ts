// Facts about this machine that cases depend on.

import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'

export interface MountLine {
  root: string
  target: string
  options: string[]
  /** Optional fields: `shared:1`, `master:2`. */
  tags: string[]
  type: string
  source: string
  superOptions: string[]
}

/** Lines of mountinfo (proc_pid_mountinfo(5)). */
export function parseMountinfo(text: string): MountLine[] {
  return text
    .trim()
    .split('\n')
    .map(line => {
      const words = line.split(' ')
      const dash = words.indexOf('-')
      return {
        root: words[3]!,
        target: words[4]!,
        options: words[5]!.split(','),
        tags: words.slice(6, dash),
        type: words[dash + 1]!,
        source: words[dash + 2]!,
        superOptions: (words[dash + 3] ?? '').split(','),
      }
    })
}

export function hostMounts(): MountLine[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))
}

/** Where the v2 tree is mounted, or undefined. */
export function cgroup2Mount(): string | undefined {
  return hostMounts().find(mount => mount.type === 'cgroup2')?.target
}

/** Is v2 all there is, so that no v1 controller gets in the way? */
export function isPureV2(): boolean {
  const mounts = hostMounts()
  return mounts.some(mount => mount.type === 'cgroup2') && !mounts.some(mount => mount.type === 'cgroup')
}

/**
 * Is this tool here? Under CI an absent one is an error, so that no case is skipped for a reason nobody sees; on a
 * developer's machine the case is skipped.
 */
export function have(tool: string): boolean {
  const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/lib/podman']
  if (directories.some(directory => existsSync(`${directory}/${tool}`))) return true
  if (process.env['CI']) throw new Error(`${tool} is missing: install it, or run without CI`)
  return false
}

/** A line of /proc/PID/status by its name, `CapEff` say. */
export function field(status: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/** Is there such a process? A zombie is none: when it goes is up to its parent, here the machine's init. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.at(stat.lastIndexOf(')') + 2) !== 'Z'
  } catch {
    return false
  }
}

/** Does this kernel tell how a process ended to others than its parent, when that has asked already? Since 6.15. */
export function remembersExits(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 15)
}

/** The cases need root: for cgroups, namespaces of others, the unprivileged user. Under CI its absence is an error. */
export const isRoot = process.getuid!() === 0
if (!isRoot && process.env['CI']) throw new Error('the end-to-end tests need root')
