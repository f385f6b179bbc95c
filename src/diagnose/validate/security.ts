// Privileges: capabilities, security modules, and what a container could do to its host.

import { capabilities } from '../../../native/abi/capability.ts'
import { AT_FDCWD, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY } from '../../../native/abi/mount.ts'
import { decode } from '../../../native/utf8.ts'
import { ConfigError } from '../../errors.ts'
import { lastCapability } from '../../host/host.ts'
import { isWithin } from '../../paths.ts'
import { isOwn } from '../../plan/namespaces/namespaces.ts'
import { capabilityNames } from '../../plan/process/capabilities.ts'
import { apparmorEnabled, requireSecurityModules } from '../../setup/facilities/labels.ts'
import { lintSeccomp } from '../explain/lint.ts'
import { type Finding, fromReason } from '../finding.ts'
import type { HostCheck, Site } from './site.ts'

export const SECURITY_CHECKS: readonly HostCheck[] = [
  capabilitiesAreHeld,
  capabilitiesAreKnown,
  capabilitiesAreLeftOut,
  modulesAreThere,
  profileIsLoaded,
  seccomp,
  reachesHost,
]

const SETS = ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'] as const

/** Of each set only the one that is refused: the permitted one. A user namespace of its own brings them all. */
function* capabilitiesAreHeld({ plan, config, has, tell }: Site): Iterable<Finding> {
  if (plan.process === undefined || isOwn(plan.namespaces, 'user')) return
  const names = config.process?.capabilities?.permitted ?? []
  for (const name of capabilityNames(plan.process.capabilities.permitted))
    if (!has(capabilities[name]!))
      yield tell(
        'error',
        `/process/capabilities/permitted/${names.indexOf(name)}`,
        `the runtime itself does not have \`${name}\``,
        'leave it out, or run tsrun with more privileges',
      )
}

function* capabilitiesAreKnown({ runtime, plan, config, tell }: Site): Iterable<Finding> {
  const last = lastCapability(runtime.outside)
  for (const set of plan.process ? SETS : [])
    for (const [index, name] of (config.process?.capabilities?.[set] ?? []).entries())
      if ((capabilities[name] ?? 0) > last)
        yield tell('warning', `/process/capabilities/${set}/${index}`, `this kernel does not know \`${name}\``)
}

function* capabilitiesAreLeftOut({ plan, tell }: Site): Iterable<Finding> {
  const { useless = [], warnings = [] } = plan.process?.capabilities ?? {}
  for (const warning of [...warnings, ...useless]) {
    const colon = warning.indexOf(': ')
    yield tell('warning', warning.slice(0, colon), warning.slice(colon + 2))
  }
}

function* modulesAreThere({ runtime, plan: { process, mountLabel }, tell }: Site): Iterable<Finding> {
  const asked = [
    { process: process && { ...process, selinuxLabel: undefined }, mountLabel: undefined },
    { process: process && { ...process, apparmorProfile: undefined }, mountLabel: undefined },
    { process: undefined, mountLabel },
  ]
  for (const one of asked)
    try {
      requireSecurityModules(runtime.outside, one)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const { message, hint } = fromReason('error', undefined, error.reason.slice(error.pointer!.length + 2))
      yield tell('error', error.pointer!, message, hint)
    }
}

/** Only root may read the list. */
function* profileIsLoaded({ runtime, plan, tell }: Site): Iterable<Finding> {
  const profile = plan.process?.apparmorProfile
  if (profile === undefined || !apparmorEnabled(runtime.outside)) return
  using fd = runtime.outside.openat(AT_FDCWD, '/sys/kernel/security/apparmor/profiles', O_RDONLY, 0, 'any')
  if (!fd.exists) return
  const loaded = decode(runtime.outside.readAll(fd)).split('\n')
  if (!loaded.some(line => line.startsWith(`${profile} (`)))
    yield tell('error', '/process/apparmorProfile', `\`${profile}\` is not loaded`, 'load it with apparmor_parser')
}

function* seccomp({ config, runtime, tell }: Site): Iterable<Finding> {
  const profile = config.linux?.seccomp
  if (profile === undefined) return
  for (const { severity, pointer, message, hint } of lintSeccomp(profile, runtime.host.arch))
    yield tell(severity, `/linux/seccomp${pointer}`, message.replace(/\/syscalls\/\d+/g, '/linux/seccomp$&'), hint)
  if (profile.listenerPath && runtime.outside.statx(AT_FDCWD, profile.listenerPath, 0, 'any').stat === undefined)
    yield tell('error', '/linux/seccomp/listenerPath', `nobody listens at \`${profile.listenerPath}\``)
}

/** Sources that give the host away, when they can be written. */
const PRECIOUS = [
  '/',
  '/etc',
  '/boot',
  '/root',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/dev',
  '/proc',
  '/sys',
  '/var',
  '/run',
]
const SOCKETS = /\/(docker|podman|containerd|crio|cri-dockerd)\.sock$/

/** Capabilities that are as good as root on the host, without a user namespace. */
const MIGHTY = [
  'CAP_SYS_ADMIN',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_PTRACE',
  'CAP_DAC_READ_SEARCH',
  'CAP_SYS_BOOT',
  'CAP_MAC_ADMIN',
  'CAP_BPF',
]

/** No mistakes, but whoever gets a bundle from others wants to know. */
function* reachesHost({ plan, config, tell }: Site): Iterable<Finding> {
  const confined = isOwn(plan.namespaces, 'user')
  for (const step of plan.mounts) {
    if (step.op !== 'bind') continue
    const pointer = `${step.pointer}/source`
    const writable = ((step.attributes.set | step.recursiveAttributes.set) & MOUNT_ATTR_RDONLY) === 0
    if (SOCKETS.test(step.source))
      yield tell('warning', pointer, `\`${step.source}\` lets the container start others with any privilege`)
    else if (writable && PRECIOUS.includes(step.source))
      yield tell('warning', pointer, `the container can write to \`${step.source}\` of the host`, 'add the option `ro`')
  }
  for (const type of ['pid', 'network', 'ipc', 'mount'] as const)
    if (!isOwn(plan.namespaces, type)) {
      const severity = type === 'mount' ? 'warning' : 'note'
      yield tell(severity, '/linux/namespaces', `the container shares the ${type} namespace of the host`)
    }
  if (plan.process === undefined || confined) return
  const mighty = capabilityNames(plan.process.capabilities.bounding).filter(name => MIGHTY.includes(name))
  if (mighty.length > 0)
    yield tell(
      'warning',
      '/process/capabilities/bounding',
      `${mighty.map(name => `\`${name}\``).join(', ')} without a user namespace can be used to take over the host`,
    )
  if (config.linux?.seccomp === undefined) yield tell('note', '/linux/seccomp', 'there is no filter of system calls')
  if (!config.linux?.resources?.devices?.some(({ allow, type = 'a' }) => !allow && type === 'a'))
    yield tell('note', '/linux/resources/devices', 'no rule denies devices, so every one can be opened that has a node')
  const proc = plan.mounts.some(({ destination }) => destination === '/proc')
  const hidden = [...plan.maskedPaths, ...plan.readonlyPaths]
  if (proc && !hidden.some(path => isWithin('/proc/sysrq-trigger', path)))
    yield tell('note', '/linux/readonlyPaths', '`/proc/sysrq-trigger` can be written by root of the container')
}
