// The program of a container and what it needs: the root file system, the working directory, its interpreter.

import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { MOUNT_ATTR_NOEXEC } from '../../../native/abi/mount.ts'
import { clean, dirname, isWithin, resolve } from '../../paths.ts'
import { toHostId } from '../../plan/namespaces/idMappings.ts'
import { isOwn } from '../../plan/namespaces/namespaces.ts'
import { executableCandidates, type ProcessPlan } from '../../plan/process/process.ts'
import { mayExecute } from '../../setup/process/prepareProcess.ts'
import { executes, HEAD_SIZE, machines, readExecutable } from './executable.ts'
import type { Finding } from '../finding.ts'
import type { HostCheck, Site } from './site.ts'
import { isDirectory, isFile, type PathPlace } from './view.ts'

export const PROGRAM_CHECKS: readonly HostCheck[] = [rootIsThere, workingDirectory, program]

function* rootIsThere({ runtime, config, plan, tell }: Site): Iterable<Finding> {
  if (config.root === undefined) return
  const { stat } = runtime.outside.statx(AT_FDCWD, plan.rootfs, 0, 'any')
  if (stat === undefined) yield tell('error', '/root/path', `\`${plan.rootfs}\` does not exist, or can not be reached`)
  else if (!isDirectory(stat)) yield tell('error', '/root/path', `\`${plan.rootfs}\` is not a directory`)
  else if (plan.rootfs === '/')
    yield tell('warning', '/root/path', "is the host's own root", 'what the container may write, it writes to the host')
  else if (isEmpty(runtime.outside, plan.rootfs) && plan.mounts.length === 0)
    yield tell('warning', '/root/path', `\`${plan.rootfs}\` is empty`)
}

function isEmpty(outside: Site['runtime']['outside'], path: string): boolean {
  using fd = outside.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 'any')
  return fd.exists && outside.readDirectory(fd).length === 0
}

function* workingDirectory(site: Site): Iterable<Finding> {
  const { plan, view, tell } = site
  if (plan.process === undefined) return
  const { cwd } = plan.process
  const place = view.locate(cwd)
  if (place.kind === 'absent') {
    const above = view.locate(dirname(place.at))
    if (place.loop) yield tell('error', '/process/cwd', `\`${place.at}\` is a symbolic link that leads to itself`)
    else if (above.kind === 'there' && !isDirectory(above.stat))
      yield tell('error', '/process/cwd', `\`${above.path}\` is not a directory`)
    else yield tell('warning', '/process/cwd', `\`${cwd}\` is not in the root file system`, 'it is made, empty')
  }
  if (place.kind !== 'there') return
  if (!isDirectory(place.stat)) yield tell('error', '/process/cwd', `\`${cwd}\` is not a directory`)
  else yield* searchable(site, plan.process, place, '/process/cwd')
}

function* program(site: Site): Iterable<Finding> {
  const { plan, config, view, tell } = site
  const name = config.process?.args?.[0]
  if (plan.process === undefined || !name) return
  const candidates = executableCandidates(plan.process).map(path => view.locate(resolve(plan.process!.cwd, path)))
  const files = candidates.filter(place => place.kind === 'there' && isFile(place.stat))
  const chosen = files.find(place => executable(site, plan.process!, place))
  if (chosen !== undefined) {
    yield* searchable(site, plan.process, chosen, '/process/args/0')
    yield* isNotCovered(site, chosen)
    yield* format(site, chosen, '/process/args/0')
    return
  }
  if (files.length > 0)
    yield tell(
      'error',
      '/process/args/0',
      `\`${files[0]!.path}\` is not executable for user ${plan.process.uid}`,
      'give it the permission with chmod in the root file system, or choose another process.user',
    )
  else if (candidates.some(place => place.kind === 'unknown'))
    yield tell('note', '/process/args/0', `\`${name}\` can only be in a file system that is mounted anew`)
  else if (name.includes('/') && candidates[0]!.kind === 'there')
    yield tell('error', '/process/args/0', `\`${name}\` is not a file`)
  else yield tell('error', '/process/args/0', `\`${name}\` is not found in the container`, lookedFor(name, candidates))
}

function lookedFor(name: string, candidates: readonly PathPlace[]): string {
  if (!name.includes('/')) return `PATH leads to ${candidates.map(({ path }) => `\`${path}\``).join(', ')}`
  const [place] = candidates
  return place?.kind === 'absent' ? `\`${place.at}\` is missing` : ''
}

/** The owner as the container sees it: in a user namespace ids are translated. */
function executable({ plan }: Site, process: ProcessPlan, place: PathPlace): boolean {
  if (place.kind !== 'there') return false
  const { mode } = place.stat
  return (mode & 0o111) !== 0 && mayExecute(place.stat, onHost(plan.namespaces, process))
}

function onHost(namespaces: Site['plan']['namespaces'], process: ProcessPlan): ProcessPlan {
  if (!isOwn(namespaces, 'user') || namespaces.uidMappings.length === 0 || process.uid === 0) return process
  const { uidMappings, gidMappings } = namespaces
  const uid = toHostId(uidMappings, process.uid) ?? process.uid
  const gid = toHostId(gidMappings, process.gid) ?? process.gid
  const additionalGids = process.additionalGids.map(id => toHostId(gidMappings, id) ?? id)
  return { ...process, uid, gid, additionalGids }
}

/** May the user get to the place at all? */
function* searchable(site: Site, process: ProcessPlan, place: PathPlace, pointer: string): Iterable<Finding> {
  if (place.kind !== 'there') return
  const user = onHost(site.plan.namespaces, process)
  const closed = place.searched.find(({ stat }) => !mayExecute(stat, user))
  if (closed !== undefined)
    yield site.tell('error', pointer, `user ${process.uid} may not search the directory \`${closed.path}\``)
}

/** What a mount or a mask makes of a program that is there. */
function* isNotCovered({ plan, view, tell }: Site, { path }: PathPlace): Iterable<Finding> {
  const step = view.mountOf(path)
  if (step !== undefined && ((step.attributes.set | step.recursiveAttributes.set) & MOUNT_ATTR_NOEXEC) !== 0)
    yield tell(
      'error',
      '/process/args/0',
      `\`${path}\` is in the mount on \`${step.destination}\`, which is \`noexec\``,
    )
  const masked = plan.maskedPaths.findIndex(hidden => isWithin(path, clean(hidden)))
  if (masked >= 0) yield tell('error', `/linux/maskedPaths/${masked}`, `hides \`${path}\`, the program that is to run`)
}

/** Interpreters of scripts can be scripts themselves; the kernel follows so many. */
const SCRIPTS_MAX = 5

/** What execve(2) says about the file, as far as it can be foreseen. */
export function* format(site: Site, place: PathPlace, pointer: string, depth = 0): Iterable<Finding> {
  const { runtime, view, tell } = site
  const head = view.head(place, HEAD_SIZE)
  if (head === undefined) return
  const found = readExecutable(head)
  if (found.kind === 'unknown') {
    yield tell('error', pointer, `\`${place.path}\` is neither a program nor a script with a \`#!\` line`)
    return
  }
  if (found.kind === 'elf' && !executes[runtime.host.arch].includes(found.machine)) {
    const machine = machines[found.machine] ?? `machine ${found.machine}`
    const severity = hasForeignFormats(site) ? 'warning' : 'error'
    const hint = 'use an image for this architecture, or register an emulator with binfmt_misc'
    yield tell(severity, pointer, `\`${place.path}\` is for ${machine}, this host is ${runtime.host.arch}`, hint)
    return
  }
  if (found.interpreter === undefined) return
  if (found.interpreter.endsWith('\r')) {
    const text = `the first line of \`${place.path}\` ends in a carriage return, which belongs to the interpreter's name then`
    yield tell('error', pointer, text, "give the file line ends of Unix: sed -i 's/\\r$//'")
    return
  }
  const interpreter = view.locate(resolve(site.plan.process?.cwd ?? '/', found.interpreter))
  const what = found.kind === 'script' ? 'the interpreter' : 'the dynamic loader'
  if (interpreter.kind === 'absent' || (interpreter.kind === 'there' && !isFile(interpreter.stat)))
    yield tell('error', pointer, `${what} \`${found.interpreter}\` of \`${place.path}\` is not in the container`)
  else if (interpreter.kind === 'there' && (interpreter.stat.mode & 0o111) === 0)
    yield tell('error', pointer, `${what} \`${found.interpreter}\` of \`${place.path}\` is not executable`)
  else if (found.kind === 'script' && depth < SCRIPTS_MAX) yield* format(site, interpreter, pointer, depth + 1)
}

/** Emulators can be registered, see binfmt-misc.rst of the kernel. */
function hasForeignFormats({ runtime }: Site): boolean {
  using fd = runtime.outside.openat(AT_FDCWD, '/proc/sys/fs/binfmt_misc', O_RDONLY | O_DIRECTORY, 0, 'any')
  return fd.exists && runtime.outside.readDirectory(fd).some(name => name !== 'register' && name !== 'status')
}
