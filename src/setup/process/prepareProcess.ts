import { capabilities } from '../../../native/abi/capability.ts'
import { EACCES, ELOOP, ENOENT, ENOTDIR } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY } from '../../../native/abi/fcntl.ts'
import { S_IFMT, S_IFREG } from '../../../native/abi/stat.ts'
import type { PendingStat, Stat } from '../../../native/calls/stat.ts'
import { currentPhrase } from '../../../native/failure.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { doing, Failure } from '../../errors.ts'
import { variable } from '../../host/environment.ts'
import { executableCandidates, type ProcessPlan } from '../../plan/process/process.ts'
import type { ContainerRoot } from '../../rootfs/containerRoot.ts'
import { homeDirectory } from './homeDirectory.ts'

const ABSENT = [ENOENT, ENOTDIR, EACCES, ELOOP]

/**
 * Goes to the working directory, made when missing. The path is resolved without magic links: /proc/self/fd/N leads to
 * directories of the host that a runtime has open (CVE-2024-21626).
 */
export function enterWorkingDirectory(root: ContainerRoot, cwd: string): void {
  doing(`chdir to the working directory \`${cwd}\``, () => {
    root.inside.fchdir(root.workingDirectory(cwd))
  })
}

/** A directory of the container, to work in. The words are those by which engines choose 127 and 126, see docs/words.md. */
export function openWorkingDirectory(root: ContainerRoot, cwd: string): Fd<'inside'> {
  return root.open(cwd, O_DIRECTORY, 0, undefined, {
    ENOENT: 'no such file or directory in the container; or a link in the path leads nowhere',
    ENOTDIR: 'not a directory',
    EACCES: 'permission denied: a directory above may not be searched',
    ELOOP: 'a symbolic link that leads to itself, or into /proc',
  })
}

/** The program's file, which has been looked for. */
export interface Executable {
  /** Waits for the answers where there is a choice. */
  path(): string
  /** Waits, and throws a Failure when it can not be executed; else the path. */
  confirm(): string
}

/** The program that the first process becomes. */
export type PlannedProgram = ProcessPlan & { readonly executable: Executable }

/**
 * Finds the executable as execvp(3) would, in the container: the container is refused at create, not at start. The words
 * of both failures are those by which podman chooses its exit codes 127 and 126.
 */
export function findExecutable(inside: Kernel<'inside'>, plan: ProcessPlan): Executable {
  const candidates = executableCandidates(plan).map(path => ({
    path,
    stat: inside.statx(AT_FDCWD, path, 0, ABSENT),
    access: inside.executable(path),
  }))
  const confirm = () => choose(candidates, plan)
  return { path: candidates.length === 1 ? () => candidates[0]!.path : confirm, confirm }
}

interface Candidate {
  readonly path: string
  readonly stat: PendingStat
  readonly access: { readonly value: number }
}

function choose(candidates: readonly Candidate[], plan: ProcessPlan): string {
  const files = candidates.filter(({ stat }) => ((stat.stat?.mode ?? 0) & S_IFMT) === S_IFREG)
  const found = files.find(({ access, stat }) => access.value === 0 && mayExecute(stat.stat!, plan))
  if (found) return found.path
  const name = plan.args[0]
  if (files.length > 0)
    throw refused(
      'EACCES',
      `open executable \`${files[0]!.path}\`: permission denied: user ${plan.uid} may not execute it`,
    )
  if (name?.includes('/') && candidates[0]?.stat.stat !== undefined)
    throw refused('EACCES', `open executable \`${name}\`: permission denied: it is not a file`)
  const where = name?.includes('/')
    ? 'in the container'
    : `in $PATH (${variable(plan.env, 'PATH') ?? 'the default one'})`
  throw refused('ENOENT', `executable file \`${name}\` not found ${where}: no such file or directory`)
}

/** With the code that child_process has for it. */
function refused(code: 'EACCES' | 'ENOENT', reason: string): Failure {
  return new Failure(reason, currentPhrase(), code)
}

const OVERRIDE = 1n << BigInt(capabilities['CAP_DAC_OVERRIDE']!)

/**
 * Do the permission bits, or the program's right to pass over them, let its user execute the file? Root is asked by
 * access(2). The right is one to execute what somebody may, see path_resolution(7).
 */
export function mayExecute({ mode, uid, gid }: Stat, plan: ProcessPlan): boolean {
  if (plan.uid === 0) return true
  if ((plan.capabilities.effective & OVERRIDE) !== 0n && (mode & 0o111) !== 0) return true
  if (uid === plan.uid) return (mode & 0o100) !== 0
  const inGroup = gid === plan.gid || plan.additionalGids.includes(gid)
  return (mode & (inGroup ? 0o010 : 0o001)) !== 0
}

/**
 * The environment with HOME, which is looked up when there is none or an empty one. What it returns gives the answer.
 * Errors: see homeDirectory().
 */
export function completeEnvironment(root: ContainerRoot, plan: ProcessPlan): () => readonly string[] {
  if (variable(plan.env, 'HOME')) return () => plan.env
  const home = homeDirectory(root, plan.uid)
  const others = plan.env.filter(entry => entry !== 'HOME=')
  return () => [...others, `HOME=${home()}`]
}
