import { escaped } from '../../errors.ts'
// Checks of devices and the smaller parts of `linux` (config-linux.md).

import type { Config, Device, MemoryPolicyMode } from '../../../spec/generated/config.ts'
import { type Check, type Complaint, firstOf } from './namespacesOf.ts'

export const LINUX_CHECKS: readonly Check[] = [
  devicesHaveNumbers,
  netDevicesHaveNames,
  memoryNodesFitPolicy,
  memoryFlagsFit,
  closIdIsName,
]

function devicesHaveNumbers({ linux }: Config): Complaint | undefined {
  return firstOf(linux?.devices, '/linux/devices', device =>
    device.type === 'p' ? undefined : (wrongNumber(device, 'major') ?? wrongNumber(device, 'minor')),
  )
}

/** What a device number has room for: 12 bits and 20, see MKDEV() of <linux/kdev_t.h>. A larger one would be another device. */
const MOST = { major: 0xfff, minor: 0xf_ffff } as const

function wrongNumber(device: Device, key: 'major' | 'minor'): Complaint | undefined {
  const number = device[key] ?? 0
  if (number < 0) return { pointer: `/${key}`, reason: `must not be negative, is ${number}` }
  if (number <= MOST[key]) return undefined
  return { pointer: `/${key}`, reason: `must be no more than ${MOST[key]}, is ${number}` }
}

/** IFNAMSIZ of <linux/if.h>, which counts the NUL at the end. */
const IFNAMSIZ = 16

function netDevicesHaveNames({ linux }: Config): Complaint | undefined {
  for (const [outside, { name }] of Object.entries(linux?.netDevices ?? {})) {
    const pointer = `/linux/netDevices/${escaped(outside)}`
    if (!isInterfaceName(outside)) return { pointer, reason: 'is not the name of a network interface' }
    if (name && !isInterfaceName(name))
      return { pointer: `${pointer}/name`, reason: `is not a name for a network interface: ${JSON.stringify(name)}` }
  }
  return undefined
}

/** What dev_valid_name() of the kernel takes. */
function isInterfaceName(name: string): boolean {
  return name.length > 0 && name.length < IFNAMSIZ && name !== '.' && name !== '..' && !/[/:\s]/.test(name)
}

/** Whether a policy wants memory nodes, see set_mempolicy(2); the others take both. */
const WANTS_NODES: { readonly [mode in MemoryPolicyMode]?: boolean } = {
  MPOL_DEFAULT: false,
  MPOL_LOCAL: false,
  MPOL_BIND: true,
  MPOL_INTERLEAVE: true,
  MPOL_WEIGHTED_INTERLEAVE: true,
  MPOL_PREFERRED_MANY: true,
}

function memoryNodesFitPolicy({ linux }: Config): Complaint | undefined {
  if (linux?.memoryPolicy === undefined) return undefined
  const { mode, nodes = '' } = linux.memoryPolicy
  const wanted = WANTS_NODES[mode]
  if (wanted === undefined || wanted === (nodes !== '')) return undefined
  return { pointer: '/linux/memoryPolicy/nodes', reason: wanted ? `${mode} needs nodes` : `${mode} takes no nodes` }
}

/** The two read the numbers of nodes in opposite ways, see set_mempolicy(2). */
function memoryFlagsFit({ linux }: Config): Complaint | undefined {
  const flags = linux?.memoryPolicy?.flags ?? []
  if (!flags.includes('MPOL_F_STATIC_NODES') || !flags.includes('MPOL_F_RELATIVE_NODES')) return undefined
  return {
    pointer: '/linux/memoryPolicy/flags',
    reason: 'MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other',
  }
}

/** Directories that the kernel has in every resctrl group. */
const IN_RESCTRL = ['.', '..', 'info', 'mon_data', 'mon_groups']

/** A group is a directory right below the root of resctrl, or that root. */
function closIdIsName({ linux }: Config): Complaint | undefined {
  const closID = linux?.intelRdt?.closID
  if (closID === undefined || closID === '/') return undefined
  if (closID !== '' && !/[/\n]/.test(closID) && !IN_RESCTRL.includes(closID)) return undefined
  return { pointer: '/linux/intelRdt/closID', reason: `is not a name for a group: ${JSON.stringify(closID)}` }
}
