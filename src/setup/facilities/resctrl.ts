import { EEXIST, ENOENT } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_WRONLY } from '../../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { decode } from '../../../native/utf8.ts'
import { ConfigError, doing, HostError, isErrno } from '../../errors.ts'
import { missingSchema, type ResctrlPlan } from '../../plan/resctrl.ts'

const POINTER = '/linux/intelRdt'

/** The container's place in resctrl on this host. */
export interface ResctrlSite {
  readonly plan: ResctrlPlan
  /** Where resctrl is mounted, and that directory. */
  readonly mount: string
  readonly root: Fd<'outside'>
  /** Directories for the keeper to make, below `root`, outermost first. They are the container's own. */
  readonly directories: readonly string[]
  /** The group of closID was not there before; it stays when the container goes. */
  readonly made: boolean
}

/**
 * Finds resctrl, and makes or checks the group that closID names. Errors: HostError without resctrl; ConfigError for a
 * group that is not there or has other schemata.
 */
export function openResctrl(outside: Kernel<'outside'>, plan: ResctrlPlan, fds: Fds): ResctrlSite {
  return doing('resctrl', () => {
    const mount = resctrlMount(outside)
    const root = fds.keep(outside.openat(AT_FDCWD, mount, O_PATH | O_DIRECTORY))
    const own = plan.own ? [plan.group] : []
    return {
      plan,
      mount,
      root,
      directories: plan.monitoring === undefined ? own : [...own, plan.monitoring],
      made: !plan.own && takeGroup(outside, mount, plan),
    }
  })
}

function resctrlMount(outside: Kernel<'outside'>): string {
  const lines = decode(outside.readFile(AT_FDCWD, '/proc/self/mountinfo')).split('\n')
  const mount = lines.find(line => / - resctrl /.test(line))?.split(' ')[4]
  if (mount === undefined)
    throw new HostError(
      'linux.intelRdt is set, but no resctrl file system is mounted; mount one at /sys/fs/resctrl, if the processor can do it',
    )
  return mount.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The group of closID, which others may use as well, made or compared; true when it was made. */
function takeGroup(outside: Kernel<'outside'>, mount: string, plan: ResctrlPlan): boolean {
  const path = groupPath(mount, plan.group)
  if (plan.schemata.length === 0) {
    if (outside.statx(AT_FDCWD, path).stat !== undefined) return false
    throw new ConfigError(
      `the group \`${path}\` does not exist, and without schemata none is made`,
      `${POINTER}/closID`,
    )
  }
  const args = [AT_FDCWD, path, 0o755]
  const made = outside.now({ name: 'mkdirat', args, subject: `\`${path}\``, tolerate: [EEXIST] }) >= 0
  if (!made) compareSchemata(outside, path, plan)
  else
    try {
      writeSchemata(outside, mount, path, plan.schemata)
    } catch (error) {
      outside.rmdir(AT_FDCWD, path)
      throw error
    }
  return made
}

function groupPath(mount: string, group: string): string {
  return group === '' ? mount : `${mount}/${group}`
}

function compareSchemata(outside: Kernel<'outside'>, path: string, { schemata, group }: ResctrlPlan): void {
  const there = decode(outside.readFile(AT_FDCWD, `${path}/schemata`))
  const missing = missingSchema(schemata, there)
  if (missing === undefined) return
  throw new ConfigError(
    `the group \`${group || '/'}\` has other schemata already: \`${missing}\` is wanted, \`${there.trim().replace(/\s*\n\s*/g, '`, `')}\` is there`,
    `${POINTER}/closID`,
  )
}

/** A group that exists, and its schemata, line by line. */
export interface ResctrlGroup {
  readonly mount: string
  readonly path: string
  readonly schemata: readonly string[]
}

/** The group that a container is in. Errors: HostError without resctrl, ConfigError when there is no such group. */
export function findGroup(outside: Kernel<'outside'>, { group }: ResctrlPlan): ResctrlGroup {
  const mount = resctrlMount(outside)
  const path = groupPath(mount, group)
  const text = outside.readTextIfAny(AT_FDCWD, `${path}/schemata`)
  if (text === undefined) throw new ConfigError(`there is no group \`${path}\` in resctrl`, POINTER)
  const lines = text.split('\n').map(line => line.trim())
  return { mount, path, schemata: lines.filter(line => line !== '') }
}

/** Writes these lines into the schemata of a group. Errors: ConfigError with what the kernel says about them. */
export function writeSchemata(outside: Kernel<'outside'>, mount: string, path: string, lines: readonly string[]): void {
  if (lines.length === 0) return
  using fd = outside.openat(AT_FDCWD, `${path}/schemata`, O_WRONLY)
  try {
    outside.writeText(fd, `${lines.join('\n')}\n`, `\`${lines.join('`, `')}\``)
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    throw new ConfigError(
      `the kernel does not take the schemata ${lines.join(', ')}${lastStatus(outside, mount)}`,
      POINTER,
    )
  }
}

/** What the kernel says about the command that failed. */
function lastStatus(outside: Kernel<'outside'>, mount: string): string {
  const text = outside.readTextIfAny(AT_FDCWD, `${mount}/info/last_cmd_status`)?.trim()
  return text === undefined || text === '' || text === 'ok' ? '' : `: ${text.replaceAll('\n', ', ')}`
}

/** Puts the first process into its groups, with which its children are born. */
export function enterResctrl(outside: Kernel<'outside'>, { plan, mount }: ResctrlSite, pid: number): void {
  doing('resctrl', () => {
    if (plan.own) writeSchemata(outside, mount, groupPath(mount, plan.group), plan.schemata)
    enterGroups(outside, mount, plan, pid)
  })
}

function enterGroups(outside: Kernel<'outside'>, mount: string, { group, monitoring }: ResctrlPlan, pid: number): void {
  outside.writeControl(AT_FDCWD, `${groupPath(mount, group)}/tasks`, String(pid))
  if (monitoring !== undefined) outside.writeControl(AT_FDCWD, `${mount}/${monitoring}/tasks`, String(pid))
}

/** Puts another process of the container into its groups. */
export function joinResctrl(outside: Kernel<'outside'>, plan: ResctrlPlan, pid: number): void {
  doing('resctrl', () => enterGroups(outside, resctrlMount(outside), plan, pid))
}

/** After a failed create: the group that was made for closID goes again, unless somebody else uses it meanwhile. */
export function leaveResctrl(outside: Kernel<'outside'>, site: ResctrlSite | undefined): void {
  if (!site?.made) return
  const path = groupPath(site.mount, site.plan.group)
  if (outside.readTextIfAny(AT_FDCWD, `${path}/tasks`)?.trim() === '') outside.rmdir(AT_FDCWD, path)
}

/** The directories that `delete` has to remove, absolute, innermost first. */
export function resctrlDirectories({ mount, directories }: ResctrlSite): string[] {
  return directories.map(name => `${mount}/${name}`).reverse()
}

/** Removes what resctrlDirectories() told. Processes in them fall back to the group above. */
export function removeResctrl(outside: Kernel<'outside'>, directories: readonly string[] | undefined): void {
  for (const path of directories ?? []) outside.rmdir(AT_FDCWD, path, [ENOENT])
}
