import { EACCES, ELOOP, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../../native/abi/fcntl.ts'
import { S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import type { Stat } from '../../native/calls/file.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { doing, Failure } from '../errors.ts'
import { executableCandidates, type ProcessPlan, variable } from '../plan/process.ts'
import type { ContainerRoot } from './containerRoot.ts'

const ABSENT = [ENOENT, ENOTDIR, EACCES, ELOOP]

/**
 * Goes to the working directory, made when missing. The path is resolved without magic links: /proc/self/fd/N leads to
 * directories of the host that a runtime has open (CVE-2024-21626).
 */
export function enterWorkingDirectory(root: ContainerRoot, cwd: string): void {
  doing(`working directory \`${cwd}\``, () => {
    root.inside.fchdir(root.directory(cwd))
  })
}

/**
 * Finds the executable as execvp(3) would, in the container: the container is refused at create, not at start. The words
 * of both failures are those by which podman chooses its exit codes 127 and 126.
 */
export function findExecutable(inside: Kernel, plan: ProcessPlan): string {
  const candidates = executableCandidates(plan).map(path => ({
    path,
    stat: inside.statx(AT_FDCWD, path, 0, ABSENT),
    access: inside.executable(path),
  }))
  const files = candidates.filter(({ stat }) => ((stat.stat?.mode ?? 0) & S_IFMT) === S_IFREG)
  const found = files.find(({ access, stat }) => access.value === 0 && mayExecute(stat.stat!, plan))
  if (found) return found.path
  const name = plan.args[0]
  if (files.length > 0)
    throw new Failure(`open executable \`${files[0]!.path}\`: permission denied: user ${plan.uid} may not execute it`)
  if (name?.includes('/') && candidates[0]?.stat.stat !== undefined)
    throw new Failure(`open executable \`${name}\`: permission denied: it is not a file`)
  const where = name?.includes('/')
    ? 'in the container'
    : `in $PATH (${variable(plan.env, 'PATH') ?? 'the default one'})`
  throw new Failure(`executable file \`${name}\` not found ${where}: no such file or directory`)
}

/** Do the permission bits let the program's user execute the file? Root's capabilities are asked by access(2). */
function mayExecute({ mode, uid, gid }: Stat, plan: ProcessPlan): boolean {
  if (plan.uid === 0) return true
  if (uid === plan.uid) return (mode & 0o100) !== 0
  const inGroup = gid === plan.gid || plan.additionalGids.includes(gid)
  return (mode & (inGroup ? 0o010 : 0o001)) !== 0
}

/** HOME as the container's /etc/passwd says, for a process whose environment has none; `/` when that says nothing. */
export function homeDirectory(inside: Kernel, uid: number): string {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
  const file = inside.openat2(AT_FDCWD, '/etc/passwd', O_RDONLY, resolve, 'any')
  if (!file.exists) return '/'
  const line = decode(inside.readAll(file))
    .split('\n')
    .map(entry => entry.split(':'))
    .find(fields => fields[2] === String(uid))
  file.close()
  return line?.[5] || '/'
}

/** The environment with HOME. */
export function completeEnvironment(inside: Kernel, plan: ProcessPlan): readonly string[] {
  return variable(plan.env, 'HOME') === undefined ? [...plan.env, `HOME=${homeDirectory(inside, plan.uid)}`] : plan.env
}
