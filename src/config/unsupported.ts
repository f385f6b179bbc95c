import type { Config, Int64, Resources, Uint64 } from '../../spec/generated/config.ts'
import { ConfigError } from '../errors.ts'

/** A property that asks for something which is not built yet. */
interface Gap {
  readonly pointer: string
  /** Does this config really ask? Engines also send empty and zero values, which ask for nothing. */
  readonly asks: (config: Config) => boolean
  readonly what: string
  readonly instead: string
}

/**
 * Throws a ConfigError about the first property that asks for something tsrun can not do yet: a runtime that ignores a
 * limit or a filter is worse than one that refuses (config.md, Valid values).
 */
export function refuseUnsupported(config: Config): void {
  const gap = GAPS.find(({ asks }) => asks(config))
  if (gap !== undefined) throw new ConfigError(`${gap.what} is not supported yet; ${gap.instead}`, gap.pointer)
}

const GAPS: readonly Gap[] = [
  {
    pointer: '/process/terminal',
    asks: ({ process }) => process?.terminal === true,
    what: 'a terminal',
    instead: 'set it to false (podman, docker: run without --tty)',
  },
  {
    pointer: '/linux/seccomp',
    asks: ({ linux }) => linux?.seccomp !== undefined,
    what: 'seccomp',
    instead: 'remove it or run with seccomp unconfined (podman: --security-opt seccomp=unconfined)',
  },
  {
    pointer: '/process/apparmorProfile',
    asks: ({ process }) => asksForProfile(process?.apparmorProfile),
    what: 'AppArmor',
    instead: 'remove it (podman: --security-opt apparmor=unconfined)',
  },
  {
    pointer: '/process/selinuxLabel',
    asks: ({ process }) => isSet(process?.selinuxLabel),
    what: 'SELinux',
    instead: 'remove it (podman: --security-opt label=disable)',
  },
  {
    pointer: '/linux/mountLabel',
    asks: ({ linux }) => isSet(linux?.mountLabel),
    what: 'SELinux',
    instead: 'remove it (podman: --security-opt label=disable)',
  },
  {
    pointer: '/linux/intelRdt',
    asks: ({ linux }) => linux?.intelRdt !== undefined,
    what: 'resctrl',
    instead: 'remove it',
  },
  {
    pointer: '/linux/netDevices',
    asks: ({ linux }) => hasEntries(linux?.netDevices),
    what: 'moving a network interface',
    instead: 'remove it and move the interface in a createRuntime hook',
  },
  {
    pointer: '/linux/memoryPolicy',
    asks: ({ linux }) => linux?.memoryPolicy !== undefined,
    what: 'a NUMA policy',
    instead: 'remove it or start the program with numactl',
  },
  {
    pointer: '/linux/personality',
    asks: ({ linux }) => linux?.personality !== undefined,
    what: 'an execution domain',
    instead: 'remove it or start the program with setarch',
  },
  {
    pointer: '/process/scheduler',
    asks: ({ process }) => process?.scheduler !== undefined,
    what: 'a scheduling policy',
    instead: 'remove it or start the program with chrt',
  },
  {
    pointer: '/process/ioPriority',
    asks: ({ process }) => process?.ioPriority !== undefined,
    what: 'a priority of disk access',
    instead: 'remove it or start the program with ionice',
  },
  limit('memory', 'a limit on memory', asksForMemory, ' (podman: run without --memory)'),
  limit('cpu', 'a limit on processors', asksForCpu, ' (podman: run without --cpus and --cpuset-cpus)'),
  limit('pids', 'a limit on processes', ({ pids }) => isPositive(pids?.limit), ' (podman: --pids-limit=-1)'),
  limit('blockIO', 'a limit on disk access', asksForBlockIo),
  limit('hugepageLimits', 'a limit on huge pages', ({ hugepageLimits }) => hasEntries(hugepageLimits)),
  limit('rdma', 'a limit on RDMA', ({ rdma }) => hasEntries(rdma)),
  limit('network', 'a network class', ({ network }) => isPositive(network?.classID) || hasEntries(network?.priorities)),
  limit('unified', 'writing cgroup files', ({ unified }) => hasEntries(unified)),
]

function limit(key: keyof Resources, what: string, asks: (resources: Resources) => boolean, hint = ''): Gap {
  return {
    pointer: `/linux/resources/${key}`,
    asks: ({ linux }) => linux?.resources !== undefined && asks(linux.resources),
    what,
    instead: `remove it${hint}`,
  }
}

/** Negative is "no limit", which a new cgroup has anyway. */
function isPositive(value: Int64 | undefined): boolean {
  return value !== undefined && value > 0
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== ''
}

function hasEntries(collection: object | undefined): boolean {
  return collection !== undefined && Object.keys(collection).length > 0
}

function asksForProfile(profile: string | undefined): boolean {
  return isSet(profile) && profile !== 'unconfined'
}

/** A parent cgroup of v2 counts its children always, so useHierarchy asks for nothing. */
function asksForMemory({ memory }: Resources): boolean {
  if (memory === undefined) return false
  const { limit, reservation, swap, kernel, kernelTCP, swappiness, disableOOMKiller } = memory
  return [limit, reservation, swap, kernel, kernelTCP].some(isPositive) || asksToSwap(swappiness) || !!disableOOMKiller
}

/** Docker has sent -1 for "unset" as an unsigned number. */
function asksToSwap(swappiness: Uint64 | undefined): boolean {
  return isPositive(swappiness) && swappiness! <= 100
}

/** A period means nothing without a quota. */
function asksForCpu({ cpu }: Resources): boolean {
  if (cpu === undefined) return false
  const { shares, quota, burst, realtimeRuntime, realtimePeriod, idle, cpus, mems } = cpu
  return [shares, quota, burst, realtimeRuntime, realtimePeriod, idle].some(isPositive) || isSet(cpus) || isSet(mems)
}

function asksForBlockIo({ blockIO }: Resources): boolean {
  if (blockIO === undefined) return false
  const { weight, leafWeight, ...devices } = blockIO
  return isPositive(weight) || isPositive(leafWeight) || Object.values(devices).some(list => list.length > 0)
}
