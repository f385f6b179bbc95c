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
