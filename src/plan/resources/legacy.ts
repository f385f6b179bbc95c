import type { BlockIo, Memory, Resources, Uint64 } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { isPositive } from './step.ts'

/** A setting of cgroup version 1 that version 2 has no counterpart for. */
interface Legacy {
  readonly pointer: string
  /** Does it ask? Engines also send zeros, empty lists and -1 for it, which ask for nothing. */
  readonly asks: (resources: Resources) => boolean
  readonly what: string
  readonly instead: string
}

const LEGACY: readonly Legacy[] = [
  {
    pointer: '/memory/kernel',
    asks: ({ memory }) => isPositive(memory?.kernel),
    what: 'a limit on kernel memory',
    instead: 'remove it, memory.limit counts the memory of the kernel too',
  },
  {
    pointer: '/memory/kernelTCP',
    asks: ({ memory }) => isPositive(memory?.kernelTCP),
    what: 'a limit on TCP buffers',
    instead: 'remove it, memory.limit counts them too',
  },
  {
    pointer: '/memory/swappiness',
    asks: asksToSwap,
    what: 'a tendency to swap',
    instead: 'remove it and use memory.swap (podman, docker: --memory-swap)',
  },
  {
    pointer: '/memory/disableOOMKiller',
    asks: ({ memory }) => memory?.disableOOMKiller === true,
    what: 'waiting for memory instead of being killed',
    instead: 'remove it and set process.oomScoreAdj or memory.high in linux.resources.unified',
  },
  {
    pointer: '/cpu/realtimeRuntime',
    asks: ({ cpu }) => isPositive(cpu?.realtimeRuntime),
    what: 'a realtime budget',
    instead: 'remove it',
  },
  {
    pointer: '/cpu/realtimePeriod',
    asks: ({ cpu }) => isPositive(cpu?.realtimePeriod),
    what: 'a realtime period',
    instead: 'remove it',
  },
  {
    pointer: '/blockIO/leafWeight',
    asks: ({ blockIO }) => hasLeafWeight(blockIO),
    what: 'a weight against child cgroups',
    instead: 'remove leafWeight and set weight',
  },
  {
    pointer: '/network/classID',
    asks: ({ network }) => isPositive(network?.classID),
    what: 'a class of network packets',
    instead: 'remove it and match the cgroup in nftables (`socket cgroupv2`)',
  },
  {
    pointer: '/network/priorities',
    asks: ({ network }) => (network?.priorities ?? []).length > 0,
    what: 'a priority of network packets',
    instead: 'remove it and match the cgroup in nftables (`socket cgroupv2`)',
  },
]

/** Throws a ConfigError about the first setting that only cgroup version 1 has (config-linux.md, Unified). */
export function refuseLegacy(resources: Resources): void {
  const legacy = LEGACY.find(({ asks }) => asks(resources))
  if (legacy === undefined) return
  const { pointer, what, instead } = legacy
  throw new ConfigError(`${what} exists in cgroup version 1 only; ${instead}`, `/linux/resources${pointer}`)
}

/** Docker has sent -1 for "unset" as an unsigned number. */
function asksToSwap({ memory }: { memory?: Memory }): boolean {
  const swappiness: Uint64 | undefined = memory?.swappiness
  return isPositive(swappiness) && swappiness <= 100
}

function hasLeafWeight(blockIO: BlockIo | undefined): boolean {
  return [blockIO, ...(blockIO?.weightDevice ?? [])].some(entry => isPositive(entry?.leafWeight))
}
