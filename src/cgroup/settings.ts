import { ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_WRONLY } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Failure } from '../errors.ts'
import { readCgroupFile } from '../kernel/cgroupAccess.ts'
import { isSet, restoring, type Setting, settingsOf, valueIn } from '../plan/resources/setting.ts'
import type { LimitStep } from '../plan/resources/step.ts'

/** A setting of a cgroup, and what its file says at the moment; undefined when there is no such file or line. */
export interface FoundSetting extends Setting {
  readonly now: string | undefined
  /** A file that is not there can not be set back. */
  readonly hasFile: boolean
}

/** What the steps are about to set, and what is there. */
export function findSettings(outside: Kernel<'outside'>, cgroup: string, steps: readonly LimitStep[]): FoundSetting[] {
  const taken = steps.flatMap(step => {
    if (step.otherwise === undefined || readSetting(outside, cgroup, step.file) !== undefined) return [step]
    return step.otherwise === 'skip' ? [] : [step.otherwise]
  })
  return settingsOf(taken).map(setting => {
    const text = readSetting(outside, cgroup, setting.file)
    return { ...setting, now: text === undefined ? undefined : valueIn(text, setting), hasFile: text !== undefined }
  })
}

function readSetting(outside: Kernel<'outside'>, cgroup: string, file: string): string | undefined {
  return readCgroupFile(outside, AT_FDCWD, `${cgroup}/${file}`, [ENOENT])
}

/** Those that do not have their new value yet. */
export function differing(settings: readonly FoundSetting[]): FoundSetting[] {
  return settings.filter(setting => !isSet(setting.now, setting))
}

/**
 * Sets back what has changed since `settings` were found, and gives the names of the files. It goes over them twice: what
 * the new value of another file forbids at first, a quota below the burst say, is allowed when that one is set back.
 * Failures are added to the clean-up of `cause`.
 */
export function restoreSettings(
  outside: Kernel<'outside'>,
  cgroup: string,
  settings: readonly FoundSetting[],
  cause: unknown,
): string[] {
  const changed = () => settings.filter(setting => setting.hasFile && hasChanged(outside, cgroup, setting)).reverse()
  const names = new Set(changed().map(({ file }) => file))
  for (const setting of changed()) write(outside, cgroup, setting, 'any')
  for (const setting of changed()) attempt(cause, () => write(outside, cgroup, setting))
  return [...names].reverse()
}

function hasChanged(outside: Kernel<'outside'>, cgroup: string, setting: FoundSetting): boolean {
  const text = readSetting(outside, cgroup, setting.file)
  return text !== undefined && valueIn(text, setting) !== setting.now
}

function write(outside: Kernel<'outside'>, cgroup: string, setting: FoundSetting, tolerate?: 'any'): void {
  const value = restoring(setting.now, setting)
  using fd = outside.openat(AT_FDCWD, `${cgroup}/${setting.file}`, O_WRONLY)
  outside.writeText(fd, value, `\`${value.trimEnd()}\` back to \`${setting.file}\``, undefined, tolerate)
}

/** Does something after a failure; one of its own is told beside that, never instead of it. */
export function attempt(cause: unknown, work: () => void): void {
  try {
    work()
  } catch (second) {
    if (!(cause instanceof Failure && second instanceof Failure)) throw second
    cause.cleanup.push(second)
  }
}
