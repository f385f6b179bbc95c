import { EACCES, ENOENT, EPERM } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWUTS } from '../../../native/abi/sched.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import { Fds } from '../../../native/fd.ts'
import { decode } from '../../../native/utf8.ts'
import { doing, escaped, StateError } from '../../errors.ts'
import { withExecutor } from '../../host/withExecutor.ts'
import type { ContainerPlan } from '../../plan/container.ts'
import type { Runtime } from '../../runtime.ts'
import { leave } from '../../setup/enter/enter.ts'
import { threadToEnter } from '../../setup/enter/threadToEnter.ts'
import { holdInit } from '../../setup/enter/visit.ts'
import type { ContainerRecord } from '../../state/record.ts'
import { isAlive } from '../../state/status.ts'
import type { Comparison, Deviation } from './comparison.ts'

/** Something of a namespace that a file below /proc/sys tells. */
interface NamespaceSetting {
  readonly pointer: string
  readonly what: string
  readonly path: string
  /** Where it is when that is not there. */
  readonly otherwise?: string
  readonly value: string
}

/** Host name, domain name and sysctls, which all are files below /proc/sys to who is in the container's namespaces. */
export function sysctlDrift({ runtime, record, plan }: Comparison): Deviation[] {
  const wanted = settings(plan)
  if (wanted.length === 0) return []
  const found = readSysctls(runtime, record, wanted)
  return wanted.flatMap((setting, i) => settingDrift(setting, found[i]))
}

function settings({ hostname, domainname, sysctl }: ContainerPlan): NamespaceSetting[] {
  const name = (key: string, what: string, value: string | undefined) =>
    value === undefined ? [] : [{ pointer: `/${key}`, what, path: `kernel/${key}`, value }]
  return [
    ...name('hostname', 'the host name', hostname),
    ...name('domainname', 'the domain name', domainname),
    ...sysctl.map(({ key, ...file }) => ({
      pointer: `/linux/sysctl/${escaped(key)}`,
      what: `sysctl \`${key}\``,
      ...file,
    })),
  ]
}

/** The kernel has tabs between numbers, however they were written; undefined is what we may not read. */
export function settingDrift({ pointer, what, value }: NamespaceSetting, found: string | undefined): Deviation[] {
  if (found === undefined) return []
  const words = (text: string) => text.trim().split(/\s+/).join(' ')
  if (words(found) === words(value)) return []
  return [{ pointer, what, expected: `\`${words(value)}\``, found: `\`${words(found)}\`` }]
}

/** Those that sysctls belong to. */
const NAMESPACES = CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET

/**
 * Has an executor join these namespaces of the first process and read: the files show those of who opens them. It stays in
 * the host's mounts, so what the container has mounted over its /proc does not matter. Errors: StateError when the container
 * stops meanwhile.
 */
function readSysctls(
  runtime: Runtime,
  record: ContainerRecord,
  settings: readonly NamespaceSetting[],
): (string | undefined)[] {
  const { outside } = runtime
  using fds = new Fds()
  const init = holdInit(outside, record, fds)
  const { pidfd, namespaces } = threadToEnter(outside, record, init, fds)
  const work = ({ kernel: inside, passed }: Executor) => {
    const flags = namespaces & NAMESPACES
    inside.notDumpable()
    if (flags !== 0) inside.setns(passed(pidfd), flags, 'the namespaces of the container')
    inside.notDumpable() // a change of capabilities may have taken that back, see proc_sys_fs(5) about suid_dumpable
    const read = (path: string) =>
      doing(`sysctl \`${path}\``, () => {
        using fd = inside.openat(AT_FDCWD, `/proc/sys/${path}`, O_RDONLY, 0, [ENOENT, EACCES, EPERM])
        return fd.exists ? decode(inside.readAll(fd)) : undefined
      })
    return settings.map(({ path, otherwise }) => read(path) ?? (otherwise === undefined ? undefined : read(otherwise)))
  }
  try {
    return withExecutor(runtime, { passed: [pidfd] }, work, leave)
  } catch (error) {
    throw isAlive(outside, record) ? error : new StateError('container not running')
  }
}
