import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Config, IntelRdt, Resources } from '../../spec/generated/config.ts'
import { cgroupMount } from '../cgroup/cgroup.ts'
import { type ControllerSite, requireAvailable, requireControllers } from '../cgroup/controllers.ts'
import { replaceDeviceFilter } from '../cgroup/deviceFilterUpdate.ts'
import { writeLimits } from '../cgroup/limits.ts'
import { attempt, differing, type FoundSetting, findSettings, restoreSettings } from '../cgroup/settings.ts'
import { updateUnit } from '../cgroup/systemd/unitUpdate.ts'
import { stringify } from '../config/json.ts'
import { parseConfig, parseResources } from '../config/load.ts'
import { ConfigError, doing, HostError, StateError } from '../errors.ts'
import { missingSchema, planResctrl } from '../plan/resctrl.ts'
import { neededControllers, planResources, type ResourcePlan, stepsFor } from '../plan/resources/resources.ts'
import { restoring } from '../plan/resources/setting.ts'
import type { LimitStep } from '../plan/resources/step.ts'
import { completeChange, mergeResources } from '../plan/resources/update.ts'
import type { Runtime } from '../runtime.ts'
import { ownUnit } from '../setup/belongings.ts'
import { findGroup, type ResctrlGroup, writeSchemata } from '../setup/facilities/resctrl.ts'
import type { ContainerRecord } from '../state/record.ts'
import { openContainer, type StoredContainer, writeRecord } from '../state/store.ts'
import { requireCgroup } from './pause.ts'

export interface UpdateRequest {
  readonly id: string
  /** The part of linux.resources that changes. */
  readonly change: Resources
  /** New schemata for the container's group in resctrl. */
  readonly schemata: Pick<IntelRdt, 'l3CacheSchema' | 'memBwSchema'>
  /** Only find out what would change. */
  readonly dryRun: boolean
}

/** One thing that an update changes. `now` is undefined where nothing is yet. */
export interface Difference {
  /** A file of the cgroup, with the device or name that its line is about; or another name that speaks for itself. */
  readonly what: string
  readonly now: string | undefined
  /** What is to be there. */
  readonly wanted: string
}

/** All that an update is about, decided before anything is changed. */
interface Update {
  readonly record: ContainerRecord
  /** Systemd's, that the cgroup is in. */
  readonly unit: string | undefined
  /** Empty where nothing of it changes. */
  readonly cgroup: string
  readonly old: Resources | undefined
  readonly change: Resources
  readonly plan: ResourcePlan
  readonly steps: readonly LimitStep[]
  /** The rules for devices are others than before. */
  readonly newDevices: boolean
  readonly schemata: { readonly group: ResctrlGroup; readonly lines: readonly string[] } | undefined
}

/**
 * Changes the limits of a container, all or none: when something can not be set, what was set before is set back. Returns
 * what has changed, or would with `dryRun`. Errors: StateError when it has stopped, ConfigError for values that make no
 * sense, HostError for what this host can not limit, KernelError.
 */
export function updateContainer(runtime: Runtime, request: UpdateRequest): Difference[] {
  using container = openContainer(runtime.outside, runtime.root, request.id, true)
  const update = prepareUpdate(runtime, container, request)
  const differences = findDifferences(runtime, update)
  if (request.dryRun) requireAvailable(runtime.outside, controllerSite(runtime), neededControllers(update.plan))
  else applyUpdate(runtime, container, update)
  return differences
}

function controllerSite({ outside, rootless }: Runtime): ControllerSite {
  const mount = cgroupMount(outside)
  if (mount === undefined) throw new HostError('cgroup version 2 is not mounted')
  return { mount, rootless }
}

function prepareUpdate(runtime: Runtime, container: StoredContainer, { id, change, schemata }: UpdateRequest): Update {
  const record = container.established
  if (container.status === 'stopped') throw new StateError('container not running')
  const config = parseConfig(container.configText)
  const old = record.resources === undefined ? config.linux?.resources : parseResources(record.resources)
  const plan = planResources(completeChange(old, change), config.ociVersion)
  // Engines send all rules along when they change something else; replacing them would undo what others did to them.
  const newDevices = (change.devices ?? []).length > 0 && stringify(change.devices) !== stringify(old?.devices ?? [])
  const steps = stepsFor(plan, false)
  return {
    record,
    unit: ownUnit(container),
    cgroup: steps.length > 0 || newDevices ? requireCgroup(runtime, container, 'limited') : '',
    old,
    change,
    plan,
    steps,
    newDevices,
    schemata: planSchemata(runtime, config, id, schemata),
  }
}

function planSchemata(
  { outside }: Runtime,
  { linux }: Config,
  id: string,
  wanted: UpdateRequest['schemata'],
): Update['schemata'] {
  if (Object.keys(wanted).length === 0) return undefined
  if (linux?.intelRdt === undefined)
    throw new ConfigError(
      'the container has no group in resctrl; it gets one when it is created with this property',
      '/linux/intelRdt',
    )
  const { closID } = linux.intelRdt
  const plan = planResctrl({ ...wanted, ...(closID !== undefined && { closID }) }, id)
  return { group: findGroup(outside, plan), lines: plan.schemata }
}

function findDifferences({ outside }: Runtime, { cgroup, steps, old, change, newDevices, schemata }: Update) {
  const differences: Difference[] = differing(findSettings(outside, cgroup, steps)).map(
    ({ file, key, now, value }) => ({
      what: key === undefined ? file : `${file} ${key}`,
      now,
      wanted: value,
    }),
  )
  if (newDevices)
    differences.push({ what: 'devices', now: stringify(old?.devices ?? []), wanted: stringify(change.devices) })
  for (const line of schemata?.lines ?? []) {
    if (missingSchema([line], schemata!.group.schemata.join('\n')) !== undefined)
      differences.push({ what: 'schemata', now: sameResource(schemata!.group, line), wanted: line })
  }
  return differences
}

/** The line of a group's schemata about the resource (`L3`, `MB`) that this one is about. */
function sameResource({ schemata }: ResctrlGroup, line: string): string | undefined {
  const resource = line.slice(0, line.indexOf(':') + 1)
  return schemata.find(other => other.startsWith(resource))
}

/** Does everything, newest changes last; after a failure everything is undone, newest first. */
function applyUpdate(runtime: Runtime, container: StoredContainer, update: Update): void {
  const undo: ((cause: unknown) => void)[] = []
  try {
    changeUnit(runtime, update, undo)
    changeLimits(runtime, update, undo)
    changeDevices(runtime, update, undo)
    changeSchemata(runtime, update, undo)
    const { record, old, change } = update
    const resources = stringify(mergeResources(old, change))
    writeRecord(runtime.outside, container.directory, { ...record, resources })
  } catch (error) {
    for (const task of undo.reverse()) attempt(error, () => task(error))
    throw error
  }
}

type Undo = ((cause: unknown) => void)[]

function changeUnit(runtime: Runtime, { unit, cgroup, steps, old, change, newDevices }: Update, undo: Undo): void {
  if (unit === undefined) return
  const before = findSettings(runtime.outside, cgroup, steps)
  const devices = (rules: Resources['devices']) => (newDevices ? { rules } : undefined)
  updateUnit(runtime, unit, { steps, devices: devices(change.devices) })
  undo.push(() => updateUnit(runtime, unit, { steps: before.flatMap(stepBack), devices: devices(old?.devices) }))
}

function stepBack(setting: FoundSetting): LimitStep[] {
  const { file, now, hasFile } = setting
  return hasFile ? [{ file, value: restoring(now, setting), pointer: '' }] : []
}

function changeLimits(runtime: Runtime, { cgroup, plan, steps }: Update, undo: Undo): void {
  if (steps.length === 0) return
  const { outside, warn } = runtime
  const above = cgroup.slice(0, cgroup.lastIndexOf('/'))
  requireControllers(outside, controllerSite(runtime), above, neededControllers(plan))
  const before = findSettings(outside, cgroup, steps)
  undo.push(cause => {
    const files = restoreSettings(outside, cgroup, before, cause)
    if (files.length > 0) warn(`set back after a failure: ${files.join(', ')}`)
  })
  writeLimits(outside, { parent: AT_FDCWD, name: cgroup, exists: true }, plan)
}

function changeDevices({ outside }: Runtime, { cgroup, old, change, newDevices }: Update, undo: Undo): void {
  if (!newDevices) return
  replaceDeviceFilter(outside, cgroup, change.devices)
  undo.push(() => replaceDeviceFilter(outside, cgroup, old?.devices))
}

function changeSchemata({ outside }: Runtime, { schemata }: Update, undo: Undo): void {
  if (schemata === undefined) return
  const { group, lines } = schemata
  undo.push(() => {
    const before = lines.flatMap(line => sameResource(group, line) ?? [])
    writeSchemata(outside, group.mount, group.path, before)
  })
  doing('resctrl', () => writeSchemata(outside, group.mount, group.path, lines))
}
