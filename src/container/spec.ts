import { EEXIST } from '../../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
} from '../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import { type HostEntry, specTemplate } from '../config/template.ts'
import { ConfigError } from '../errors.ts'
import { openParent } from '../host/parentDirectory.ts'
import type { Runtime } from '../runtime.ts'
import { makeDirectories } from '../state/store.ts'

export interface SpecRequest {
  /** Where the configuration goes; the current directory by default. */
  readonly bundle?: string | undefined
  readonly file?: string | undefined
  /** For an unprivileged user: with a user namespace that maps the caller's own ids. */
  readonly rootless?: boolean
  /** Make the bundle runnable at once: a root of the host's own programs, read-only. */
  readonly hostRootfs?: boolean
}

/** Where a distribution keeps programs and their libraries. */
const PROGRAMS = /^(usr|bin|sbin|lib.*|etc)$/

/** Writes a configuration to start from. Errors: ConfigError when there is one already. */
export function writeSpec(
  runtime: Runtime,
  { bundle = '.', file = 'config.json', rootless, hostRootfs }: SpecRequest,
): void {
  const { outside } = runtime
  const directory = runtime.absolute(bundle)
  const { uid, gid } = outside.effectiveIds()
  const entries = hostRootfs ? hostEntries(runtime) : undefined
  const config = specTemplate({
    ...(rootless && { rootless: { uid, gid } }),
    ...(entries && { hostRootfs: { entries } }),
    terminal: entries === undefined, // what runs at once is to run without anybody at a terminal, too
  })
  if (entries) makeHostRoot(runtime, `${directory}/rootfs`, entries)
  const path = file.startsWith('/') ? file : `${directory}/${file}`
  const { directory: parent, name } = openParent(outside, path)
  using _ = parent
  using fd = outside.openat(parent, name, O_WRONLY | O_CREAT | O_EXCL, 0o644, [EEXIST])
  if (!fd.exists) throw new ConfigError(`\`${path}\` exists already; remove it first or name another with --file`)
  outside.writeAll(fd, `${JSON.stringify(config, null, 2)}\n`)
}

/** The directories of the host that programs come from, and the links that stand for such. */
function hostEntries({ outside }: Runtime): HostEntry[] {
  using root = outside.openat(AT_FDCWD, '/', O_RDONLY | O_DIRECTORY)
  return outside
    .readDirectory(root)
    .sort()
    .filter(name => PROGRAMS.test(name))
    .flatMap((name): HostEntry[] => {
      const path = `/${name}`
      const kind = (outside.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW).stat?.mode ?? 0) & S_IFMT
      if (kind === S_IFDIR) return [{ path, kind: 'directory' }]
      return kind === S_IFLNK ? [{ path, kind: 'symlink', target: outside.readlinkat(AT_FDCWD, path) }] : []
    })
}

/** An empty root with the host's links: directories are bound over it. */
function makeHostRoot({ outside }: Runtime, rootfs: string, entries: readonly HostEntry[]): void {
  makeDirectories(outside, rootfs, 0o755)
  using root = outside.openat(AT_FDCWD, rootfs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  for (const { kind, target, path } of entries)
    if (kind === 'symlink') outside.symlinkat(target!, root, path.slice(1), [EEXIST])
    else outside.mkdirat(root, path.slice(1), 0o755, [EEXIST])
}
