import type { Config } from '../../spec/generated/config.ts'

/** Where the container's cgroup is, below the mount point of the version 2 tree. */
export function cgroupPath(id: string, cgroupsPath: string | undefined): string {
  if (cgroupsPath === undefined || cgroupsPath === '') return `/tsrun-${id}`
  return clean(cgroupsPath)
}

/** Lexically: `..` never leaves the tree, so a relative path and an absolute one mean the same place. */
function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/**
 * The user of the container, as numbered inside, who is to own its cgroup: the one who runs the program, if the cgroup is
 * the top of its own namespace and mounted for writing (config-linux.md, Cgroup ownership). Undefined: it stays ours.
 */
export function cgroupOwner({ linux, mounts, process }: Config): number | undefined {
  const isTop = linux?.namespaces?.some(({ type, path }) => type === 'cgroup' && path === undefined)
  const isWritable = mounts?.some(
    ({ source, destination, options }) =>
      source === 'cgroup' && destination === '/sys/fs/cgroup' && !options?.includes('ro'),
  )
  return isTop && isWritable ? (process?.user?.uid ?? 0) : undefined
}
