import { EACCES, ENOENT, ESRCH } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY, O_RDWR } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { pidsOfTree } from '../cgroup/cgroup.ts'
import { HostError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { ownCgroup } from '../setup/belongings.ts'
import type { ContainerRecord } from '../state/record.ts'
import { openContainer } from '../state/store.ts'

const PS_PLACES = ['/usr/bin/ps', '/bin/ps'] as const

/**
 * The processes of a container, as the runtime's pid namespace numbers them, in ascending order: all in its cgroup and in
 * those below; without a cgroup all in its pid namespace. None when it has stopped. Errors: StateError, HostError.
 */
export function containerPids(runtime: Runtime, id: string): number[] {
  const { outside, root } = runtime
  using container = openContainer(outside, root, id, false)
  const { established, status } = container
  if (established.cgroup !== undefined) {
    const own = ownCgroup(runtime, container)
    return own === undefined ? [] : pidsBelow(outside, own)
  }
  return status === 'stopped' ? [] : namespacePids(outside, established)
}

/** The processes in a cgroup and in those below it, in ascending order. */
export function pidsBelow(outside: Kernel<'outside'>, cgroup: string): number[] {
  const pids = pidsOfTree(outside, cgroup)
  // 0 is a process that our pid namespace does not see.
  return pids.filter(pid => pid !== 0).sort((a, b) => a - b)
}

function namespacePids(outside: Kernel<'outside'>, { pid: first, sharedPidNamespace }: ContainerRecord): number[] {
  if (sharedPidNamespace)
    throw new HostError(
      'the container has neither a cgroup nor a pid namespace of its own, so its processes can not be told from others',
    )
  const namespace = pidNamespace(outside, first)
  using proc = outside.openat(AT_FDCWD, '/proc', O_RDONLY | O_DIRECTORY)
  const pids = outside.readDirectory(proc).filter(name => /^\d+$/.test(name))
  return pids
    .map(Number)
    .filter(pid => pidNamespace(outside, pid) === namespace)
    .sort((a, b) => a - b)
}

/** Undefined when the process is gone or not ours to look at. */
function pidNamespace(outside: Kernel<'outside'>, pid: number): bigint | undefined {
  return outside.statx(AT_FDCWD, `/proc/${pid}/ns/pid`, 0, [ENOENT, ESRCH, EACCES]).stat?.inode
}

/**
 * What the host's ps(1) prints about these processes, with a line of titles that has one PID. Undefined when there is no
 * ps(1). Errors: HostError with its own words when it fails, or when it prints no PID.
 */
export function psTable(runtime: Runtime, pids: readonly number[], args: readonly string[]): string | undefined {
  const { outside } = runtime
  const file = PS_PLACES.find(path => outside.executable(path).value === 0)
  return file === undefined ? undefined : selectPids(output(runtime, file, ['ps', ...args]), pids)
}

/** Runs a program to its end and gives what it prints. Errors: HostError. */
function output({ host, outside }: Runtime, file: string, argv: readonly string[]): string {
  using printed = outside.memoryFile('output')
  using nothing = outside.openat(AT_FDCWD, '/dev/null', O_RDWR)
  const descriptors = [nothing.number, printed.number, printed.number]
  const pid = host.spawn({ file, argv, env: host.env, descriptors })
  if (pid < 0) throw new HostError(`${file} can not be started`)
  const exit = outside.wait(pid, 0)
  outside.rewind(printed)
  const text = decode(outside.readAll(printed))
  if (exit?.code !== 0) throw new HostError(`\`${argv.join(' ')}\` failed: ${text.trim().split('\n')[0]}`)
  return text
}

/** The line of titles and the lines about these processes. Errors: HostError without a column PID. */
export function selectPids(text: string, pids: readonly number[]): string {
  const [titles = '', ...lines] = text.split('\n')
  const column = words(titles).indexOf('PID')
  if (column < 0) throw new HostError('ps prints no column PID, by which the processes of the container are found')
  const chosen = new Set(pids.map(String))
  return [titles, ...lines.filter(line => chosen.has(words(line)[column] ?? ''))].map(line => `${line}\n`).join('')
}

function words(line: string): string[] {
  return line.trim().split(/\s+/)
}
