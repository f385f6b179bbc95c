import { EACCES, ENOENT, EPERM, ESRCH } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { cgroupMount } from '../../cgroup/cgroup.ts'
import { findSettings, type FoundSetting } from '../../cgroup/settings.ts'
import { isWithin } from '../../paths.ts'
import { deviceProgram } from '../../plan/devices/deviceProgram.ts'
import { planDeviceRules } from '../../plan/devices/deviceRules.ts'
import { sameSetting } from '../../plan/resources/sameSetting.ts'
import type { LimitStep } from '../../plan/resources/step.ts'
import { currentCgroup } from '../inspect.ts'
import type { Comparison, Deviation } from './comparison.ts'

/** The limits, the device filter, and whether all processes are where they hold. */
export function cgroupDrift(comparison: Comparison): Deviation[] {
  if (comparison.record.cgroup === undefined) return []
  return [...limitDrift(comparison), ...deviceDrift(comparison), ...membershipDrift(comparison)]
}

function limitDrift({ runtime: { outside }, record, plan: { resources } }: Comparison): Deviation[] {
  const { steps } = resources
  return findSettings(outside, record.cgroup!, steps).flatMap(setting => {
    const step = stepOf(steps, setting)
    if (sameSetting(setting, setting.now) || (!setting.hasFile && step?.initial)) return []
    const { file, key, value, now } = setting
    const what = key === undefined ? file : `${file} of ${key}`
    return [{ pointer: step?.pointer ?? '/linux/resources', what, expected: value, found: now ?? 'absent' }]
  })
}

/** The last one that writes the file: of several that one counts. */
function stepOf(steps: readonly LimitStep[], { file, key }: FoundSetting): LimitStep | undefined {
  const writes = (step: LimitStep): boolean =>
    (step.file === file && (key === undefined || step.value.startsWith(`${key} `))) ||
    (typeof step.otherwise === 'object' && writes(step.otherwise))
  return steps.findLast(writes)
}

function deviceDrift({ runtime, plan: { deviceRules }, now }: Comparison): Deviation[] {
  const found = now.cgroup?.deviceFilter
  if (found === undefined || runtime.rootless) return []
  const { allowsAll } = deviceProgram(planDeviceRules(deviceRules))
  if (found === !allowsAll) return []
  const words = (there: boolean) => (there ? 'attached' : 'none')
  return [
    {
      pointer: '/linux/resources/devices',
      what: 'the device filter',
      expected: words(!allowsAll),
      found: words(found),
    },
  ]
}

/** A process that has left the cgroup has left its limits, too. */
function membershipDrift(comparison: Comparison): Deviation[] {
  const { runtime, record, config } = comparison
  const mount = cgroupMount(runtime.outside)
  if (mount === undefined) return []
  return processes(comparison).flatMap(pid => {
    const relative = currentCgroup(runtime.outside, pid)
    if (relative === undefined || isWithin(`${mount}${relative}`, record.cgroup!)) return []
    const pointer = config.linux?.cgroupsPath === undefined ? '/linux/resources' : '/linux/cgroupsPath'
    return [{ pointer, what: `the cgroup of process ${pid}`, expected: record.cgroup!, found: `${mount}${relative}` }]
  })
}

/** Those in the container's pid namespace, which one can not leave; without one of its own only the first process. */
function processes({ runtime: { outside }, record, now }: Comparison): number[] {
  const own = now.namespaces?.find(({ type }) => type === 'pid')
  if (own === undefined || own.shared || record.sharedPidNamespace) return [record.pid]
  using proc = outside.openat(AT_FDCWD, '/proc', O_RDONLY | O_DIRECTORY)
  const inode = (pid: string) => outside.statx(proc, `${pid}/ns/pid`, 0, [ENOENT, ESRCH, EACCES, EPERM]).stat?.inode
  return outside
    .readDirectory(proc)
    .filter(name => /^\d+$/.test(name) && inode(name) === own.inode)
    .map(Number)
}
