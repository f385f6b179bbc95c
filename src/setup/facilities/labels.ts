import { EINVAL, ENOENT } from '../../../native/abi/errno.ts'
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from '../../../native/abi/fcntl.ts'
import { SELINUX_MAGIC } from '../../../native/abi/wait.ts'
import type { Dir } from '../../../native/calls/stat.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import type { Call } from '../../../native/kernels/machine.ts'
import { decode, encode } from '../../../native/utf8.ts'
import { ConfigError } from '../../errors.ts'
import type { ContainerPlan } from '../../plan/container.ts'
import type { LabelPlan } from '../../plan/mounts/labels.ts'
import { trustedProcfs } from '../../rootfs/procfs.ts'

/** What is written to an open file of /proc/thread-self/attr, which belongs to the process that opened it. */
interface LabelWrite {
  readonly file: Fd<'inside'>
  readonly text: string
  readonly hint: Call['hint']
}

/** The labels of a process to be: checked, and their files open. */
export interface Labels {
  /** For the program. */
  readonly program: readonly LabelWrite[]
  /** For keys that are made for it. */
  readonly keys: LabelWrite | undefined
}

const attributeWalk = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS

/** Room for the longest label that procfs takes. */
const LABEL_MAX = 4096

/** Errors: ConfigError when a label is asked for whose security module this host does not have or use. */
export function requireSecurityModules(
  outside: Kernel<'outside'>,
  { process, mountLabel }: Pick<ContainerPlan, 'process' | 'mountLabel'>,
): void {
  if (process?.apparmorProfile !== undefined && !apparmorEnabled(outside))
    throw new ConfigError(
      'AppArmor is not enabled on this host; remove the profile (podman: --security-opt apparmor=unconfined)',
      '/process/apparmorProfile',
    )
  const selinux = process?.selinuxLabel === undefined ? mountLabel && '/linux/mountLabel' : '/process/selinuxLabel'
  if (selinux !== undefined && !selinuxEnabled(outside))
    throw new ConfigError(
      'SELinux is not enabled on this host; remove the label (podman: --security-opt label=disable)',
      selinux,
    )
}

export function apparmorEnabled(outside: Kernel<'outside'>): boolean {
  return outside.readTextIfAny(AT_FDCWD, '/sys/module/apparmor/parameters/enabled')?.startsWith('Y') ?? false
}

export function selinuxEnabled(outside: Kernel<'outside'>): boolean {
  using fd = outside.openat(AT_FDCWD, '/sys/fs/selinux', O_PATH | O_DIRECTORY, 0, [ENOENT])
  if (!fd.exists || outside.fileSystemType(fd) !== SELINUX_MAGIC) return false
  // Without a policy every process is `kernel`, and the kernel takes any label and ignores it.
  return outside.readTextIfAny(AT_FDCWD, '/proc/self/attr/current')?.includes(':') ?? false
}

/**
 * Opens the files for the labels of the calling process, and has the kernel check the labels now, when the container is
 * created, instead of when it starts. To be called while the root is still the host's, by the process that will execute
 * the program: nobody else may write to these files. Undefined when no label is asked for. A process that has left the
 * host's root brings a procfs along. Errors: ConfigError for a label that the kernel does not know.
 */
export function openLabels(
  inside: Kernel<'inside'>,
  { apparmorProfile, selinuxLabel, noNewPrivileges }: LabelPlan & { readonly noNewPrivileges: boolean },
  procfs?: Dir,
): Labels | undefined {
  if (apparmorProfile === undefined && selinuxLabel === undefined) return undefined
  const proc = procfs ?? trustedProcfs(inside, 'the security labels of the process can not be set')
  const program: LabelWrite[] = []
  if (apparmorProfile !== undefined) program.push(openProfile(inside, proc, apparmorProfile, noNewPrivileges))
  if (selinuxLabel === undefined) return { program, keys: undefined }
  program.push(openContext(inside, proc, selinuxLabel))
  const file = openAttribute(inside, proc, 'keycreate', O_WRONLY)
  return { program, keys: { file, text: selinuxLabel, hint: contextHints } }
}

function openAttribute(inside: Kernel<'inside'>, proc: Dir, name: string, flags: number): Fd<'inside'> {
  return inside.openat2(proc, `thread-self/attr/${name}`, flags, attributeWalk).take()
}

/**
 * AppArmor's rule for the next execve. Somebody who is confined and gives up new privileges may only be confined more,
 * see "No New Privileges" in apparmor.d(5): then the profile is stacked on the present one.
 */
function openProfile(inside: Kernel<'inside'>, proc: Dir, profile: string, noNewPrivileges: boolean): LabelWrite {
  const current = openAttribute(inside, proc, 'apparmor/current', O_RDWR)
  const file = openAttribute(inside, proc, 'apparmor/exec', O_WRONLY)
  const stacked = noNewPrivileges && isConfined(inside, current)
  // The kernel's question whether a change of profile would be allowed; it changes nothing.
  if (!write(inside, current, `permprofile ${profile}`, ENOENT, profileHints))
    throw new ConfigError(
      `the AppArmor profile \`${profile}\` is not loaded; load it with apparmor_parser`,
      '/process/apparmorProfile',
    )
  return { file, text: `${stacked ? 'stack' : 'exec'} ${profile}`, hint: profileHints }
}

const profileHints = {
  ENOENT: 'the AppArmor profile is not loaded any more',
  EACCES: 'the AppArmor profile of the runtime itself does not allow the change',
}

function isConfined(inside: Kernel<'inside'>, current: Fd<'inside'>): boolean {
  const label = decode(inside.read(current, LABEL_MAX)).trim()
  inside.rewind(current)
  return label !== 'unconfined'
}

/** SELinux' context for the next execve. Written once to be checked, and taken back: hooks are not to get it. */
function openContext(inside: Kernel<'inside'>, proc: Dir, label: string): LabelWrite {
  const file = openAttribute(inside, proc, 'exec', O_WRONLY)
  if (!write(inside, file, label, EINVAL, contextHints))
    throw new ConfigError(`the SELinux label \`${label}\` is not valid in the loaded policy`, '/process/selinuxLabel')
  clearContext(inside, file)
  return { file, text: label, hint: contextHints }
}

const contextHints = { EACCES: 'the SELinux policy does not let the runtime choose this context' }

/** One write, whose result is awaited; false when this errno came back. */
function write(
  inside: Kernel<'inside'>,
  file: Fd<'inside'>,
  text: string,
  refusal: number,
  hint: Call['hint'],
): boolean {
  const bytes = encode(text)
  const args = [file, bytes, bytes.length]
  return inside.now({ name: 'write', args, subject: `label \`${text}\``, tolerate: [refusal], hint }) >= 0
}

/** An empty line takes back what was written. procfs takes writes at the beginning of the file only. */
function clearContext(inside: Kernel<'inside'>, file: Fd<'inside'>): void {
  inside.rewind(file)
  inside.writeText(file, '\n')
  inside.rewind(file)
}

/** Runs `work`, in which keys are made, with the label for them. */
export function withKeyLabel(inside: Kernel<'inside'>, labels: Labels | undefined, work: () => void): void {
  const keys = labels?.keys
  if (keys !== undefined) writeLabel(inside, keys)
  work()
  if (keys !== undefined) clearContext(inside, keys.file)
}

/** The labels for the program: after hooks, which would take them on, and before a filter of system calls. */
export function writeLabels(tail: Kernel<'inside'>, labels: Labels | undefined): void {
  labels?.program.forEach(label => {
    writeLabel(tail, label)
  })
}

/** The descriptors that have to stay open for writeLabels(). */
export function labelFiles(labels: Labels | undefined): Fd<'inside'>[] {
  return labels === undefined ? [] : labels.program.map(({ file }) => file)
}

function writeLabel(kernel: Kernel<'inside'>, { file, text, hint }: LabelWrite): void {
  kernel.writeText(file, text, `label \`${text}\``, hint)
}
