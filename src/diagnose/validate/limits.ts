// Limits, hooks and the smaller things that a host has or has not.

import { capabilities } from '../../../native/abi/capability.ts'
import { AT_FDCWD, O_NOCTTY, O_NONBLOCK, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { RLIMIT_NOFILE } from '../../../native/abi/resource.ts'
import type { Hook } from '../../../spec/generated/config.ts'
import { cgroupMount, cgroupPids, refuseLimits } from '../../cgroup/cgroup.ts'
import { DELEGATION_HINT, requireAvailable } from '../../cgroup/controllers.ts'
import { delegatedCgroup } from '../../cgroup/delegation.ts'
import { escaped, Failure } from '../../errors.ts'
import { resolve } from '../../paths.ts'
import { firstLimit, neededControllers } from '../../plan/resources/resources.ts'
import { type Finding, fromReason } from '../finding.ts'
import { HEAD_SIZE, readExecutable } from './executable.ts'
import { format } from './program.ts'
import type { HostCheck, Site } from './site.ts'
import { isFile } from './view.ts'

export const LIMIT_CHECKS: readonly HostCheck[] = [
  controllers,
  cgroupIsFree,
  rlimits,
  oomScore,
  hooksAreThere,
  sysctlsExist,
  netDevicesExist,
  combinations,
]

/** Each controller that is missing, with the words of `create`. */
function* controllers({ runtime, plan, tell }: Site): Iterable<Finding> {
  const { outside, rootless } = runtime
  if (runtime.cgroupManager === 'disabled') {
    yield* caught(tell, '/linux/resources', () => refuseLimits(plan.resources))
    return
  }
  const mount = cgroupMount(outside)
  const needs = neededControllers(plan.resources)
  if (mount === undefined) {
    const hint = 'mount it, or use --cgroup-manager disabled to run without limits'
    if (!rootless || needs.length > 0)
      yield tell('error', '/linux/cgroupsPath', 'cgroup version 2 is not mounted at /sys/fs/cgroup', hint)
    return
  }
  // Limits of a user without privileges work below what is delegated to it.
  const first = firstLimit(plan.resources)
  if (rootless && first !== undefined && !plan.cgroupAsked && delegatedCgroup(outside, mount) === undefined)
    yield tell(
      'error',
      first.pointer,
      'no cgroup is delegated to this user, so nothing can be limited',
      DELEGATION_HINT,
    )
  for (const need of needs)
    yield* caught(tell, need.pointer, () => requireAvailable(outside, { mount, rootless }, [need]))
}

function* caught(tell: Site['tell'], pointer: string, look: () => void): Iterable<Finding> {
  try {
    look()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { message, hint } = fromReason('error', undefined, error.reason)
    yield tell('error', pointer, message, hint)
  }
}

function* cgroupIsFree({ runtime, plan, tell }: Site): Iterable<Finding> {
  if (!plan.cgroupAsked || plan.scope !== undefined || runtime.cgroupManager === 'disabled') return
  const mount = cgroupMount(runtime.outside)
  if (mount === undefined) return
  if (plan.cgroupPath === '/')
    yield tell('error', '/linux/cgroupsPath', 'the root of the cgroup tree can not be a container')
  else if (cgroupPids(runtime.outside, `${mount}${plan.cgroupPath}`).length > 0)
    yield tell(
      'error',
      '/linux/cgroupsPath',
      `the cgroup \`${plan.cgroupPath}\` has processes already`,
      'choose another',
    )
}

function* rlimits({ runtime, plan, has, tell }: Site): Iterable<Finding> {
  const { outside } = runtime
  const most = BigInt(outside.readTextIfAny(AT_FDCWD, '/proc/sys/fs/nr_open')?.trim() || 0)
  for (const [index, { name, resource, hard }] of (plan.process?.rlimits ?? []).entries()) {
    const pointer = `/process/rlimits/${index}/hard`
    const own = outside.getLimit(0, resource)
    if (own !== undefined && hard > own.hard && !has(capabilities['CAP_SYS_RESOURCE']!))
      yield tell(
        'error',
        pointer,
        `${name} can not be raised above ${own.hard}`,
        'that needs CAP_SYS_RESOURCE on the host',
      )
    if (resource === RLIMIT_NOFILE && most > 0n && hard > most)
      yield tell('error', pointer, `the kernel takes no more than ${most} descriptors`, 'see /proc/sys/fs/nr_open')
  }
}

function* oomScore({ runtime, plan, has, tell }: Site): Iterable<Finding> {
  const wanted = plan.process?.oomScoreAdj
  if (wanted === undefined || runtime.rootless || has(capabilities['CAP_SYS_RESOURCE']!)) return
  const least = Number(runtime.outside.readTextIfAny(AT_FDCWD, '/proc/self/oom_score_adj') ?? 0)
  if (wanted < least)
    yield tell('error', '/process/oomScoreAdj', `can not be less than ${least}`, 'lowering it needs CAP_SYS_RESOURCE')
}

/** Where each kind runs: with the programs of the host, or with those of the container (config.md, POSIX-platform Hooks). */
const MOMENTS = {
  prestart: 'host',
  createRuntime: 'host',
  createContainer: 'host',
  startContainer: 'container',
  poststart: 'host',
  poststop: 'host',
} as const

function* hooksAreThere(site: Site): Iterable<Finding> {
  const { plan, view, tell } = site
  for (const moment of Object.keys(MOMENTS) as (keyof typeof MOMENTS)[])
    for (const [index, hook] of (plan.hooks[moment] ?? []).entries()) {
      const pointer = `/hooks/${moment}/${index}`
      if (MOMENTS[moment] === 'host') yield* hookOfHost(site, hook, `${pointer}/path`)
      else {
        const place = view.locate(resolve(plan.process?.cwd ?? '/', hook.path))
        if (place.kind === 'absent') yield tell('error', `${pointer}/path`, `\`${hook.path}\` is not in the container`)
        else if (place.kind === 'there' && (place.stat.mode & 0o111) === 0)
          yield tell('error', `${pointer}/path`, `\`${hook.path}\` of the container is not executable`)
        else yield* format(site, place, `${pointer}/path`)
      }
      if (hook.timeout !== undefined && hook.timeout <= 0)
        yield tell('error', `${pointer}/timeout`, 'is over before the hook starts', 'must be above 0')
    }
}

function* hookOfHost({ runtime, bundle, tell }: Site, hook: Hook, pointer: string): Iterable<Finding> {
  const { outside } = runtime
  const path = resolve(bundle, hook.path)
  const { stat } = outside.statx(AT_FDCWD, path, 0, 'any')
  if (stat === undefined) yield tell('error', pointer, `\`${path}\` does not exist on the host`)
  else if (!isFile(stat)) yield tell('error', pointer, `\`${path}\` is not a file`)
  else if ((stat.mode & 0o111) === 0) yield tell('error', pointer, `\`${path}\` is not executable`, 'chmod +x')
  else {
    using fd = outside.openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 'any')
    const found = fd.exists ? readExecutable(outside.read(fd, HEAD_SIZE, 'any')) : undefined
    const interpreter = found === undefined || found.kind === 'unknown' ? undefined : found.interpreter
    if (found?.kind === 'unknown')
      yield tell('error', pointer, `\`${path}\` is neither a program nor a script with a \`#!\` line`)
    else if (interpreter?.startsWith('/') && outside.statx(AT_FDCWD, interpreter, 0, 'any').stat === undefined)
      yield tell('error', pointer, `\`${interpreter}\`, which \`${path}\` needs, does not exist on the host`)
  }
}

/** Namespaces of their own can have fewer than the host, but hardly more. */
function* sysctlsExist({ runtime, plan, tell }: Site): Iterable<Finding> {
  const exists = (path: string) => runtime.outside.statx(AT_FDCWD, `/proc/sys/${path}`, 0, 'any').stat !== undefined
  for (const { key, path, otherwise = path } of plan.sysctl)
    if (!exists(path) && !exists(otherwise))
      yield tell('warning', `/linux/sysctl/${escaped(key)}`, `the host has no \`/proc/sys/${path}\``)
}

function* netDevicesExist({ runtime, plan, tell }: Site): Iterable<Finding> {
  for (const { name } of plan.netDevices)
    if (runtime.outside.statx(AT_FDCWD, `/sys/class/net/${name}`, 0, 'any').stat === undefined)
      yield tell('error', `/linux/netDevices/${escaped(name)}`, `the host has no network interface \`${name}\``)
}

/** Settings that cancel each other out, or say nothing. */
function* combinations({ config, plan, tell }: Site): Iterable<Finding> {
  const { process, hooks, linux } = config
  if (process === undefined)
    yield tell('note', '/process', 'is missing, so the container can be created but not started')
  if (process === undefined && hooks?.startContainer?.length)
    yield tell('warning', '/hooks/startContainer', 'runs never, since there is no process to start')
  if (process?.consoleSize && !process.terminal)
    yield tell('note', '/process/consoleSize', 'has no effect without `terminal`')
  if (
    process &&
    !process.noNewPrivileges &&
    process.apparmorProfile === undefined &&
    linux?.seccomp &&
    plan.process!.uid !== 0
  )
    yield tell('note', '/process/noNewPrivileges', 'programs with the set-user-ID bit can gain privileges')
  if (linux?.rootfsPropagation?.endsWith('shared') && config.root?.readonly === true)
    yield tell('note', '/linux/rootfsPropagation', 'shares mounts with the host although the root is read-only')
  const memory = linux?.resources?.memory
  if (memory?.reservation && memory.limit && memory.limit > 0 && memory.reservation > memory.limit)
    yield tell('warning', '/linux/resources/memory/reservation', 'is more than the limit, which comes first')
  for (const [name, list] of [
    ['maskedPaths', plan.maskedPaths],
    ['readonlyPaths', plan.readonlyPaths],
  ] as const)
    for (const [index, path] of list.entries())
      if (list.indexOf(path) !== index) yield tell('note', `/linux/${name}/${index}`, `\`${path}\` is listed twice`)
}
