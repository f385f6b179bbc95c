import type { Hooks } from '../../../spec/generated/config.ts'
import type { ContainerPlan } from '../container.ts'
import { programFor } from '../devices/deviceProgram.ts'
import type { DeviceStep } from '../devices/devices.ts'
import type { BindStep, FilesystemStep, MountStep } from '../mounts/mounts.ts'
import type { IdMapping } from '../namespaces/idMappings.ts'
import { isOwn } from '../namespaces/namespaces.ts'
import { capabilityNames } from '../process/capabilities.ts'
import { executableCandidates, type ProcessPlan } from '../process/process.ts'
import type { LimitStep } from '../resources/step.ts'
import { INSTRUCTION_SIZE } from '../seccomp/assemble.ts'
import { type Step, step } from './step.ts'
import { attributesText, maskText, parameterText, propagationText, seccompFlagsText } from './words.ts'

/** What the steps depend on besides the plan. */
export interface StepFacts {
  /** Where the cgroup version 2 tree is mounted; undefined when there is none, or no cgroup is wanted. */
  readonly cgroupMount: string | undefined
  /** The state directory. */
  readonly root: string
  /** Is the mount namespace made of the root alone? See getsMountNamespace(). */
  readonly ofRootAlone: boolean
}

/** Everything that create, start and delete would do with this plan, in the order in which they would do it. */
export function planSteps(plan: ContainerPlan, facts: StepFacts): Step[] {
  return [
    ...onHost(plan, facts),
    ...firstProcess(plan),
    ...rootSteps(plan, facts),
    ...limitSteps(plan),
    ...hookSteps(plan.hooks, ['prestart', 'createRuntime', 'createContainer'], 'create'),
    ...finishSteps(plan, facts),
    ...startSteps(plan),
    ...hookSteps(plan.hooks, ['poststart'], 'start'),
    ...hookSteps(plan.hooks, ['poststop'], 'delete'),
  ]
}

function onHost(plan: ContainerPlan, { cgroupMount, root }: StepFacts): Step[] {
  const { scope, resctrl } = plan
  return [
    ...plan.namespaces.join.map(({ type, path }) => step('create', 'open', path, { namespace: type })),
    step('create', 'directory', `${root}/${plan.id}`),
    ...(scope
      ? [
          step('create', 'scope', scope.name, {
            slice: scope.slice,
            subgroup: scope.subgroup,
            delegate: scope.delegate,
            properties: scope.properties.map(({ name, variant }) => `${name}=${valueText(variant.value)}`),
          }),
        ]
      : cgroupMount === undefined
        ? []
        : [step('create', 'cgroup', `${cgroupMount}${plan.cgroupPath}`, { owner: plan.cgroupOwner })]),
    ...(resctrl
      ? [
          step(
            'create',
            'resctrl',
            `/${resctrl.group}`,
            { own: resctrl.own, schemata: resctrl.schemata, monitoring: resctrl.monitoring },
            '/linux/intelRdt',
          ),
        ]
      : []),
  ]
}

function valueText(value: unknown): string {
  return typeof value === 'object'
    ? JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}` : inner))
    : String(value)
}

function mappingsText(mappings: readonly IdMapping[]): string[] {
  return mappings.map(({ containerID, hostID, size }) => `${containerID}:${hostID}:${size}`)
}

function firstProcess(plan: ContainerPlan): Step[] {
  const { namespaces, hostname, domainname } = plan
  const { create, uidMappings, gidMappings, timeOffsets } = namespaces
  return [
    step('create', 'clone', 'the first process', {
      namespaces: [...create],
      joins: namespaces.join.map(({ type }) => type),
    }),
    ...(uidMappings.length + gidMappings.length > 0
      ? [
          step('create', 'map ids', 'inside:outside:size', {
            uid: mappingsText(uidMappings),
            gid: mappingsText(gidMappings),
          }),
        ]
      : []),
    ...(timeOffsets === undefined ? [] : [step('create', 'time', timeOffsets.trim().replaceAll('\n', ', '))]),
    step('create', 'affinity', 'every processor of the cgroup'),
    ...(create.has('network') ? [step('create', 'interface', 'lo', { up: true })] : []),
    ...plan.netDevices.map(({ name, inside }) =>
      step('create', 'interface', name, { as: inside }, `/linux/netDevices/${name}`),
    ),
    ...(hostname === undefined ? [] : [step('create', 'hostname', hostname, {}, '/hostname')]),
    ...(domainname === undefined ? [] : [step('create', 'domainname', domainname, {}, '/domainname')]),
  ]
}

function rootSteps(plan: ContainerPlan, { ofRootAlone }: StepFacts): Step[] {
  const { rootfs, rootfsPropagation = 'slave' } = plan
  return [
    step('create', 'root', rootfs, { propagation: rootfsPropagation }, '/root/path'),
    ...(ofRootAlone ? [step('create', 'setns', 'a mount namespace of the root alone')] : []),
    ...plan.mounts.map(mountStep),
    ...(isOwn(plan.namespaces, 'mount') ? plan.devices.map(deviceStep) : []),
  ]
}

function mountStep(mount: MountStep): Step {
  const common = {
    attributes: [...attributesText(mount.attributes), ...attributesText(mount.recursiveAttributes, 'r')],
    propagation: mount.propagation.map(propagationText),
  }
  switch (mount.op) {
    case 'bind':
      return step(
        'create',
        'bind',
        mount.destination,
        { source: mount.source, ...bindDetails(mount), ...common },
        mount.pointer,
      )
    case 'filesystem':
      return step('create', 'mount', mount.destination, { ...filesystemDetails(mount), ...common }, mount.pointer)
    case 'remount': {
      const options = [...mount.flags, ...mount.parameters.map(parameterText)]
      const details = { options, readonlyInTheEnd: mount.readonlyLate, ...common }
      return step('create', 'remount', mount.destination, details, mount.pointer)
    }
    default:
      return mount satisfies never
  }
}

function bindDetails({ recursive, idmap, copySymlink, noFollowSource }: BindStep) {
  const mappings = idmap?.mappings
  const idMap =
    mappings === undefined || mappings === 'container'
      ? mappings
      : [...mappingsText(mappings.uid).map(text => `u${text}`), ...mappingsText(mappings.gid).map(text => `g${text}`)]
  return { recursive, idMap, copySymlink, noFollowSource }
}

function filesystemDetails(mount: FilesystemStep) {
  const { type, source, flags, parameters, rootLabel, copyUp, readonlyLate, fallback } = mount
  return {
    type,
    source: source === type ? undefined : source,
    options: [...flags, ...parameters.map(parameterText)],
    label: rootLabel,
    copyUp,
    readonlyInTheEnd: readonlyLate,
    instead: fallback && `${fallback.source} after ${fallback.on.join(' or ')}`,
  }
}

function deviceStep(device: DeviceStep): Step {
  switch (device.op) {
    case 'mknod': {
      const { path, type, major, minor, mode, uid, gid } = device
      const number = type === 'fifo' ? undefined : `${major}:${minor}`
      return step('create', 'device', path, {
        type,
        number,
        mode: mode.toString(8).padStart(4, '0'),
        owner: `${uid}:${gid}`,
      })
    }
    case 'bind':
      return step('create', 'bind', device.path, {
        source: device.source,
        type: device.type,
        number: `${device.major}:${device.minor}`,
      })
    case 'symlink':
      return step('create', 'link', device.path, { target: device.target })
    default:
      return device satisfies never
  }
}

function limitSteps(plan: ContainerPlan): Step[] {
  const { instructions, allowsAll } = programFor(plan.deviceRules)
  const { usageCheck } = plan.resources
  return [
    ...(usageCheck === undefined
      ? []
      : [step('create', 'check', 'memory.current', { atMost: String(usageCheck.limit) })]),
    ...plan.resources.steps
      .filter(({ initial }) => !initial)
      .map(({ file, value, pointer, otherwise }) =>
        step('create', 'write', file, { value: value.trim(), ...withoutFile(otherwise) }, pointer),
      ),
    ...(allowsAll
      ? []
      : [
          step(
            'create',
            'filter',
            'devices',
            { instructions: instructions.length / INSTRUCTION_SIZE },
            '/linux/resources/devices',
          ),
        ]),
    ...(plan.process ? processLimits(plan.process) : []),
  ]
}

/** What is done where the kernel does not have the file. */
function withoutFile(otherwise: LimitStep['otherwise']) {
  const instead = typeof otherwise === 'object' ? `${otherwise.file}=${otherwise.value.trim()}` : undefined
  return { whereThere: otherwise !== undefined, instead }
}

function processLimits({ oomScoreAdj, rlimits, scheduler, ioPriority }: ProcessPlan): Step[] {
  const limit = (value: bigint) => (value === 2n ** 64n - 1n ? 'unlimited' : `${value}`)
  return [
    ...(oomScoreAdj === undefined
      ? []
      : [step('create', 'write', 'oom_score_adj', { value: oomScoreAdj }, '/process/oomScoreAdj')]),
    ...rlimits.map(({ name, soft, hard }, index) =>
      step('create', 'limit', name, { soft: limit(soft), hard: limit(hard) }, `/process/rlimits/${index}`),
    ),
    ...(scheduler
      ? [
          step(
            'create',
            'scheduler',
            scheduler.name,
            { nice: scheduler.nice, priority: scheduler.priority },
            '/process/scheduler',
          ),
        ]
      : []),
    ...(ioPriority
      ? [step('create', 'io priority', ioPriority.name, { value: ioPriority.value & 7 }, '/process/ioPriority')]
      : []),
  ]
}

type HookMoment = keyof Hooks & string

function hookSteps(hooks: Hooks, moments: readonly HookMoment[], phase: Step['phase']): Step[] {
  return moments.flatMap(moment =>
    (hooks[moment] ?? []).map(({ path, args = [path], timeout }, index) =>
      step(phase, 'hook', path, { moment, args: args.slice(1), timeout }, `/hooks/${moment}/${index}`),
    ),
  )
}

/** How the root becomes that of the first process; nothing is left to do in a namespace of the root alone. */
function changeRoot({ namespaces, noPivot, rootfs }: ContainerPlan, { ofRootAlone }: StepFacts): Step[] {
  if (ofRootAlone) return []
  return [step('create', !isOwn(namespaces, 'mount') ? 'chroot' : noPivot ? 'move root' : 'pivot_root', rootfs)]
}

function finishSteps(plan: ContainerPlan, facts: StepFacts): Step[] {
  const { process, memoryPolicy } = plan
  return [
    ...plan.maskedPaths.map((path, index) => step('create', 'mask', path, {}, `/linux/maskedPaths/${index}`)),
    ...plan.readonlyPaths.map((path, index) => step('create', 'read-only', path, {}, `/linux/readonlyPaths/${index}`)),
    ...changeRoot(plan, facts),
    ...(process?.terminal
      ? [
          step('create', 'terminal', '/dev/console', {
            size: process.terminal.size && `${process.terminal.size.columns}x${process.terminal.size.rows}`,
          }),
        ]
      : []),
    ...plan.sysctl.map(({ key, path, value }) =>
      step('create', 'write', `/proc/sys/${path}`, { value }, `/linux/sysctl/${key.replaceAll('/', '~1')}`),
    ),
    ...(memoryPolicy
      ? [
          step(
            'create',
            'memory policy',
            memoryPolicy.name,
            { nodes: memoryPolicy.nodes && maskText(memoryPolicy.nodes) },
            '/linux/memoryPolicy',
          ),
        ]
      : []),
    ...(plan.personality === undefined ? [] : [step('create', 'personality', `0x${plan.personality.toString(16)}`)]),
    ...(process
      ? [
          step('create', 'chdir', process.cwd, {}, '/process/cwd'),
          step(
            'create',
            'find',
            process.args[0] ?? '',
            { candidates: executableCandidates(process) },
            '/process/args/0',
          ),
        ]
      : []),
    ...(plan.rootReadonly ? [step('create', 'read-only', '/', {}, '/root/readonly')] : []),
    ...(process ? [step('create', 'keyring', 'a session keyring of its own')] : []),
  ]
}

/** The tail: what the first process does by itself, and then the program. */
function startSteps(plan: ContainerPlan): Step[] {
  const { process, seccomp } = plan
  if (process === undefined) return []
  const { capabilities } = process
  const names = (mask: bigint) => capabilityNames(mask)
  const { bounding, permitted, effective, inheritable, ambient } = capabilities
  return [
    ...hookSteps(plan.hooks, ['startContainer'], 'start'),
    step('start', 'user', `${process.uid}:${process.gid}`, {
      groups: process.additionalGids.map(String),
      umask: process.umask.toString(8).padStart(4, '0'),
    }),
    step('start', 'capabilities', 'of the program', {
      bounding: names(bounding),
      permitted: names(permitted),
      effective: names(effective),
      inheritable: names(inheritable),
      ambient: names(ambient),
    }),
    ...(process.apparmorProfile === undefined
      ? []
      : [step('start', 'apparmor', process.apparmorProfile, {}, '/process/apparmorProfile')]),
    ...(process.selinuxLabel === undefined
      ? []
      : [step('start', 'selinux', process.selinuxLabel, {}, '/process/selinuxLabel')]),
    ...(process.noNewPrivileges ? [step('start', 'prctl', 'no_new_privs', {}, '/process/noNewPrivileges')] : []),
    ...(seccomp
      ? [
          step(
            'start',
            'filter',
            'system calls',
            {
              instructions: seccomp.program.length / INSTRUCTION_SIZE,
              flags: seccompFlagsText(seccomp.flags),
              agent: seccomp.agent?.path,
            },
            '/linux/seccomp',
          ),
        ]
      : []),
    step('start', 'execve', process.args[0] ?? '', { args: process.args.slice(1), env: process.env }, '/process/args'),
  ]
}
