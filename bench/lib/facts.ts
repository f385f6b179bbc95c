import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { hostMounts } from '../../conformance/lib/machine.ts'
import type { CgroupLayout } from './view.ts'

/** The machine and the day: without them no number means anything. */
export interface Facts {
  readonly date: string
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly virtualised: string
  readonly cgroups: string
  /** File systems of the bundle and of the state directories. */
  readonly fileSystems: string
  readonly node: string
  readonly loadAtStart: number
  readonly versions: Readonly<Record<string, string>>
}

const layouts: Readonly<Record<CgroupLayout, string>> = {
  v2: 'version 2',
  hybrid: 'hybrid (version 1 and 2); all runtimes measured in a private view with version 2 alone',
  v1: 'version 1; all runtimes measured in a private view with version 2 alone',
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
}

/** A processor has the flag `hypervisor` exactly in a virtual machine, whose firmware may tell what it is. */
function virtualised(): string {
  if (!/^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo'))) return 'no'
  const product = read('/sys/class/dmi/id/product_name')
  return product === '' ? 'yes' : `yes (${product})`
}

function fileSystem(path: string): string {
  const holds = ({ target }: { target: string }) => target === '/' || path === target || path.startsWith(`${target}/`)
  const mounts = hostMounts().filter(holds)
  return mounts.reduce((best, mount) => (mount.target.length >= best.target.length ? mount : best)).type
}

function controllers(): string {
  const names = read('/sys/fs/cgroup/cgroup.controllers')
  return names === '' ? 'no controllers' : `controllers ${names}`
}

/** Looks at the machine; `versions` are those of the runtimes. */
export function gatherFacts(
  layout: CgroupLayout,
  directories: { bundle: string; state: string },
  versions: Readonly<Record<string, string>>,
): Facts {
  const processors = cpus()
  return {
    date: new Date().toISOString(),
    kernel: release(),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    virtualised: virtualised(),
    cgroups: `${layouts[layout]}, ${controllers()}`,
    fileSystems: `bundle on ${fileSystem(directories.bundle)}, state on ${fileSystem(directories.state)}`,
    node: process.version,
    loadAtStart: loadavg()[0]!,
    versions,
  }
}
