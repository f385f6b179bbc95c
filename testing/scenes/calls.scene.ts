import type { LoggedCall } from '../scripted/call.ts'

// What the calls of a recorded run are about, as texts: `executor move_mount /proc`, `planner write /proc/7/uid_map 0 1 1`.

/** Which argument is the descriptor that a path begins from, or that the call is about. */
const FROM: Readonly<Record<string, number>> = {
  fchdir: 0,
  fchmodat: 0,
  fchownat: 0,
  fsetxattr: 0,
  mkdirat: 0,
  mknodat: 0,
  mount_setattr: 0,
  open_tree: 0,
  openat: 0,
  openat2: 0,
  renameat2: 0,
  symlinkat: 1,
  unlinkat: 0,
  write: 0,
}

/** Which argument is a number that says what the call does. */
const WHAT: Readonly<Record<string, number>> = { keyctl: 0, prctl: 0, prlimit64: 1, setns: 1, umask: 0, unshare: 0 }

/** Calls that give a descriptor of what the path leads to. */
const OPENS = new Set(['openat', 'openat2', 'open_tree'])

/**
 * The calls as texts. Paths in the root file system `rootfs` begin there; so do those below a descriptor that the executor was
 * passed. Calls that failed are left out: they have done nothing.
 */
export function callTexts(log: readonly LoggedCall[], rootfs: string): string[] {
  const tables = { planner: new Map<number, string>(), executor: new Map<number, string>() }
  return log.flatMap(entry => {
    if ((entry.result ?? 0) < 0) return []
    const side = entry.who === 'planner' ? 'planner' : 'executor'
    return [side, entry.name, ...details(entry, tables[side])]
      .join(' ')
      .replaceAll(new RegExp(`${rootfs}(?=/)`, 'g'), '')
  })
}

function details({ name, args, texts, result }: LoggedCall, paths: Map<number, string>): string[] {
  if (name === 'move_mount') {
    const place = under(paths, args[2]!, texts[1])
    paths.set(args[0]!, place)
    return [place]
  }
  if (name === 'memfd_create') paths.set(result!, `memfd:${texts[0]}`)
  const what = WHAT[name] === undefined ? [] : [String(args[WHAT[name]])]
  const asked = name === 'prlimit64' && args[2] === 0 ? ['asked'] : []
  const from = FROM[name]
  if (from === undefined) return [...what, ...asked, ...texts]
  if (name === 'write') return [paths.get(args[0]!) ?? '?', texts.join('').trim()]
  const path = under(paths, args[from]!, texts.at(-1))
  if (OPENS.has(name) && result !== undefined && result >= 0) paths.set(result, path)
  return [path, ...(name === 'symlinkat' ? [texts[0]!] : [])]
}

function under(paths: ReadonlyMap<number, string>, directory: number, path = ''): string {
  if (path.startsWith('/')) return path
  const base = paths.get(directory) ?? ''
  return path === '' || path === '.' ? base : `${base}/${path}`
}
