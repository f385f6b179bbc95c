// The controllers that count things: processes, huge pages, RDMA handles and objects.

import type { HugepageLimit, Pids, Rdma } from '../../../spec/generated/config.ts'
import { ConfigError, escaped } from '../../errors.ts'
import type { LimitStep } from './step.ts'

/**
 * A step for config.json#/linux/resources/pids. 0 is a limit since version 1.3 of the specification; 1 says the same,
 * since the first process is there already, and it is what systemd takes too. Before, engines wrote it for no limit.
 */
export function planPids({ limit }: Pids, ociVersion: string): LimitStep[] {
  const step = { file: 'pids.max', pointer: '/linux/resources/pids/limit' }
  if (limit === undefined) return []
  if (limit < 0 || (limit === 0 && isBefore(ociVersion, 1, 3)))
    return [{ ...step, value: 'max', initial: true, otherwise: 'skip' }]
  return [{ ...step, value: `${limit || 1}` }]
}

function isBefore(version: string, major: number, minor: number): boolean {
  const [ours = 1, second = 0] = version.split('.').map(Number)
  return ours < major || (ours === major && second < minor)
}

/** As the kernel names the files: `2MB`, `1GB`. */
const PAGE_SIZE = /^[1-9]\d*[KMG]B$/

/**
 * Steps for config.json#/linux/resources/hugepageLimits, see "HugeTLB Interface Files" of cgroup-v2.rst. What is reserved
 * is limited where the kernel can, what is used in every case. Errors: ConfigError.
 */
export function planHugepages(limits: readonly HugepageLimit[]): LimitStep[] {
  return limits.flatMap(({ pageSize, limit }, index) => {
    const pointer = `/linux/resources/hugepageLimits/${index}`
    if (!PAGE_SIZE.test(pageSize))
      throw new ConfigError(`must be a size such as "2MB", is ${JSON.stringify(pageSize)}`, `${pointer}/pageSize`)
    return [
      { file: `hugetlb.${pageSize}.max`, value: `${limit}`, pointer },
      { file: `hugetlb.${pageSize}.rsvd.max`, value: `${limit}`, pointer, otherwise: 'skip' },
    ]
  })
}

/** Steps for config.json#/linux/resources/rdma, see "RDMA Interface Files" of cgroup-v2.rst. Errors: ConfigError. */
export function planRdma(devices: Readonly<Record<string, Rdma>>): LimitStep[] {
  return Object.entries(devices).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const pointer = `/linux/resources/rdma/${escaped(device)}`
    if (device === '' || /\s/.test(device)) throw new ConfigError('is not the name of an RDMA device', pointer)
    const counts = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ]
    return counts.length === 0 ? [] : [{ file: 'rdma.max', value: [device, ...counts].join(' '), pointer }]
  })
}
