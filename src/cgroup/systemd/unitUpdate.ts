import type { DeviceRuleInput } from '../../plan/devices/deviceRules.ts'
import type { LimitStep } from '../../plan/resources/step.ts'
import { limitProperties } from '../../plan/systemd/limits.ts'
import { replacedDeviceProperties } from '../../plan/systemd/update.ts'
import type { Runtime } from '../../runtime.ts'
import { connectToSystemd } from './connection.ts'
import { setUnitProperties } from './systemd.ts'

/** What changes for a unit: values of its cgroup's files, and rules for devices where they are replaced. */
export interface UnitChange {
  readonly steps: readonly LimitStep[]
  readonly devices?: { readonly rules: readonly DeviceRuleInput[] | undefined } | undefined
}

/**
 * Tells systemd the limits of its unit, since it writes the files of the cgroup, too, whenever it looks over its units.
 * Returns when it has written them this time, so that who writes exact values afterwards has the last word.
 */
export function updateUnit(runtime: Runtime, unit: string, { steps, devices }: UnitChange): void {
  // The systemd of a user filters no devices.
  const filter = devices === undefined || runtime.rootless ? [] : replacedDeviceProperties(devices.rules)
  const changes = [...limitProperties(steps), ...filter]
  if (changes.length === 0) return
  using systemd = connectToSystemd(runtime)
  setUnitProperties(runtime.warn, systemd, unit, changes)
  // It answers first and writes then, but it does not listen again before that is done.
  systemd.call({ path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.DBus.Peer', member: 'Ping' })
}
