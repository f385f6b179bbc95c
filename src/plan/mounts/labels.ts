import type { Config, Process } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import type { Parameter } from './mountOptions.ts'

/** What the security modules are to make of a process. */
export interface LabelPlan {
  readonly apparmorProfile: string | undefined
  readonly selinuxLabel: string | undefined
}

/** Empty asks for nothing, and `unconfined` is what a process is without a profile; engines send both. */
export function planLabels({ apparmorProfile, selinuxLabel }: Process): LabelPlan {
  return {
    apparmorProfile: apparmorProfile === 'unconfined' ? undefined : apparmorProfile || undefined,
    selinuxLabel: selinuxLabel || undefined,
  }
}

/** The words of SELinux about a new mount, see "Context mount options" in mount(8). */
const CONTEXT_OPTIONS = ['context', 'fscontext', 'defcontext', 'rootcontext']

const CONTEXT_ANNOTATION = 'run.oci.mount_context_type'

/** File systems that have labels of their own, which are not the container's to change. */
const LABELED_BY_POLICY = ['proc', 'sysfs', 'cgroup2']

/** Those that take a label in a user namespace; the others refuse any mount with one. */
const LABELED_IN_USER_NAMESPACE = ['tmpfs', 'ramfs', 'devpts', 'overlay']

/**
 * linux.mountLabel as a mount option: `context`, or what crun's annotation `run.oci.mount_context_type` names. Errors:
 * ConfigError for any other word there.
 */
export function planMountLabel({ linux, annotations }: Config): Parameter | undefined {
  const value = linux?.mountLabel
  if (!value) return undefined
  const key = annotations?.[CONTEXT_ANNOTATION] ?? CONTEXT_OPTIONS[0]!
  if (!CONTEXT_OPTIONS.includes(key))
    throw new ConfigError(`must be one of ${CONTEXT_OPTIONS.join(', ')}`, `/annotations/${CONTEXT_ANNOTATION}`)
  return { key, value }
}

/** How a new mount gets its label: as an option, or as an attribute of its root directory. */
export interface MountLabelStep {
  readonly parameter?: Parameter
  readonly attribute?: string
}

/** The label for a new mount of this type; nothing for a type without, or when its own options say one. */
export function labelMount(
  label: Parameter | undefined,
  type: string,
  options: readonly Parameter[],
  userNamespace: boolean,
): MountLabelStep {
  if (label === undefined || LABELED_BY_POLICY.includes(type)) return {}
  if (options.some(({ key }) => CONTEXT_OPTIONS.includes(key))) return {}
  // It takes no options at all.
  if (type === 'mqueue') return { attribute: label.value! }
  return userNamespace && !LABELED_IN_USER_NAMESPACE.includes(type) ? {} : { parameter: label }
}
