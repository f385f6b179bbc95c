import type { Variant } from '../../dbus/signature.ts'
import { ConfigError } from '../../errors.ts'
import type { DeviceRuleInput } from '../devices/deviceRules.ts'
import { planDeviceRules } from '../devices/deviceRules.ts'
import type { LimitStep } from '../resources/step.ts'
import { annotatedProperties } from './annotations.ts'
import { deviceProperties } from './deviceProperties.ts'
import { limitProperties } from './limits.ts'
import type { Property } from './property.ts'
import { type Unit, unitFor } from './unit.ts'

/** The scope that systemd is to make for a container. */
export interface ScopePlan extends Unit {
  /** All but PIDs, which is known when there is a process. */
  readonly properties: readonly Property[]
  /** A cgroup below the scope's that is the container's instead. */
  readonly subgroup: string | undefined
  /** A cgroup below the container's for its processes, beyond the reach of its limits' files. */
  readonly delegate: string | undefined
}

/** What a scope is made of. */
export interface ScopeWishes {
  readonly id: string
  readonly cgroupsPath: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
  readonly devices: readonly DeviceRuleInput[] | undefined
  /** What the files of the cgroup will get. */
  readonly limits: readonly LimitStep[]
  /** The systemd of an unprivileged user, which filters no devices. */
  readonly ofUser: boolean
}

/** Plans the scope of a container. Throws a ConfigError for a path, an annotation or a device rule that makes no sense. */
export function planScope(wishes: ScopeWishes): ScopePlan {
  const { id, cgroupsPath, annotations = {}, devices, limits, ofUser } = wishes
  const unit = unitFor(id, cgroupsPath, ofUser ? 'user.slice' : 'system.slice')
  const asked = annotatedProperties(annotations)
  const own = [
    ...basicProperties(id, unit.slice),
    ...limitProperties(limits),
    ...(ofUser ? [] : deviceProperties(planDeviceRules(devices))),
  ].filter(({ name }) => !asked.some(property => property.name === name))
  return {
    ...unit,
    properties: [...own, ...asked],
    subgroup: cgroupName(annotations, 'run.oci.systemd.subgroup'),
    delegate: cgroupName(annotations, 'run.oci.delegate-cgroup'),
  }
}

function basicProperties(id: string, slice: string): Property[] {
  const property = (name: string, signature: string, value: Variant['value']) => ({
    name,
    variant: { signature, value },
  })
  return [
    property('Description', 's', `tsrun container ${id}`),
    property('Slice', 's', slice),
    property('Delegate', 'b', true),
    property('DefaultDependencies', 'b', false), // the engine decides when containers stop
    property('CollectMode', 's', 'inactive-or-failed'), // a scope without processes goes, whatever they died of
    property('CPUAccounting', 'b', true),
    property('IOAccounting', 'b', true),
    property('MemoryAccounting', 'b', true),
    property('TasksAccounting', 'b', true),
  ]
}

/** The name of a cgroup in an annotation; a leading slash is fine, a path is not. */
function cgroupName(annotations: Readonly<Record<string, string>>, key: string): string | undefined {
  const name = (annotations[key] ?? '').replace(/^\/+/, '')
  if (name === '') return undefined
  if (name.includes('/') || name === '.' || name === '..')
    throw new ConfigError(`\`${name}\` is not the name of a cgroup`, `/annotations/${key}`)
  return name
}
