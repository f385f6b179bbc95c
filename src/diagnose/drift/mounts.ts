import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../../native/abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY } from '../../../native/abi/mount.ts'
import { S_IFCHR, S_IFLNK, S_IFMT } from '../../../native/abi/stat.ts'
import { Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { decode } from '../../../native/utf8.ts'
import { type MountRow, parseMountinfo, topmost } from '../../kernel/mountinfo.ts'
import { isWithin, join } from '../../paths.ts'
import { mountContext } from '../../plan/container.ts'
import { planMountLabel } from '../../plan/mounts/labels.ts'
import { attributeWords } from '../../plan/mounts/mountOptions.ts'
import { type BindStep, type MountStep, planMounts } from '../../plan/mounts/mounts.ts'
import { isOwn } from '../../plan/namespaces/namespaces.ts'
import { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Comparison, Deviation } from './comparison.ts'

/** A mount that has to be there. */
interface Expected {
  readonly pointer: string
  readonly destination: string
  /** The step that made it; undefined for what is made from other parts of the configuration. */
  readonly step?: MountStep
  /** Attributes that it has, and some that it has not. */
  readonly set: number
  readonly clear: number
  /** What of that it got when all was in place: no later entry takes it away. */
  readonly late?: number
  /** Where its content comes from: mounts below that are mounts below this one, too. */
  readonly source?: string
  /** It need not be there. */
  readonly optional?: boolean
}

/** The attributes as mountinfo has them. Access times are left out: the kernel has defaults of its own for them. */
const WORDS: Readonly<Record<string, number>> = Object.fromEntries(attributeWords.map(({ set, bit }) => [set, bit]))

/** Hooks that may mount what config.json does not tell of. */
const MOUNTING_HOOKS = ['prestart', 'createRuntime', 'createContainer', 'startContainer'] as const

/** What is mounted in the container: each expected mount with its attributes, masks, and nothing else. */
export function mountDrift(comparison: Comparison): Deviation[] {
  const { plan, now, record, runtime } = comparison
  if (!isOwn(plan.namespaces, 'mount') || now.mounts === undefined) return []
  using fds = new Fds()
  const { outside } = runtime
  const directory = fds.keep(outside.openat(AT_FDCWD, `/proc/${record.pid}/root`, O_PATH | O_DIRECTORY))
  const place = new MountTree(outside, new ContainerRoot(outside, directory), now.mounts, fds)
  const expected = expectedMounts(comparison)
  return [
    ...expected.flatMap(mount => differences(place, mount)),
    ...protectedPaths(comparison, place),
    ...unexpected(comparison, place, expected),
  ]
}

/** The container's tree of directories, with what is known of its mounts. */
class MountTree {
  readonly outside: Kernel<'outside'>
  readonly rows: readonly MountRow[]
  /** Targets that are accounted for, and how often. */
  readonly known = new Map<string, number>()
  readonly host: readonly MountRow[]
  readonly #root: ContainerRoot<'outside'>
  readonly #fds: Fds

  constructor(outside: Kernel<'outside'>, root: ContainerRoot<'outside'>, rows: readonly MountRow[], fds: Fds) {
    this.outside = outside
    this.rows = rows
    this.host = parseMountinfo(decode(outside.readFile(AT_FDCWD, '/proc/self/mountinfo')))
    this.#root = root
    this.#fds = fds
  }

  /** The mount at a path, found by its name if that can be: no link is followed, and no file system of the container asked. */
  at(path: string, noFollow = false): MountRow | undefined {
    const row = topmost(this.rows, path) ?? this.#resolve(path, noFollow)
    if (row !== undefined) this.known.set(row.target, (this.known.get(row.target) ?? 0) + 1)
    return row
  }

  #resolve(path: string, noFollow: boolean): MountRow | undefined {
    const fd = this.open(path, noFollow)
    if (fd === undefined) return undefined
    const { id, isRoot } = this.outside.mountOf(fd)
    return isRoot ? this.rows.find(row => BigInt(row.id) === id) : undefined
  }

  /** What is at a path; undefined when nothing is, or when a file system that programs make lies in the way. */
  open(path: string, noFollow = false) {
    if (this.rows.some(({ type, target }) => type.startsWith('fuse') && isWithin(path, target))) return undefined
    const fd = this.#fds.keep(this.#root.open(path, noFollow ? O_NOFOLLOW : 0, 0, 'any'))
    return fd.exists ? fd : undefined
  }

  /** The mount that something is in. */
  holding(path: string): MountRow | undefined {
    const fd = this.open(path)
    if (fd === undefined) return undefined
    const { id } = this.outside.mountOf(fd)
    return this.rows.find(row => BigInt(row.id) === id)
  }
}

/** The root, what config.json mounts, and what came later. */
function expectedMounts({ plan, record, config, runtime: { inUserNamespace } }: Comparison): Expected[] {
  const context = mountContext(config, plan.namespaces, planMountLabel(config), {
    bundle: record.bundle,
    inUserNamespace,
  })
  const added = (record.mounts ?? []).flatMap(({ entry }) => planMounts([entry], context, '/mounts (added later)'))
  const root = { set: plan.rootReadonly ? MOUNT_ATTR_RDONLY : 0, clear: 0, source: plan.rootfs }
  const mounts: Expected[] = [{ pointer: '/root', destination: '/', ...root }]
  const unmounted = record.unmounted ?? []
  for (const step of [...plan.mounts.filter(({ destination }) => !unmounted.includes(destination)), ...added]) {
    if (step.op !== 'remount') mounts.push(expectedMount(step, context.mayBeRefused))
    else changeLast(mounts, step)
  }
  if (plan.process?.terminal)
    mounts.push({ pointer: '/process/terminal', destination: '/dev/console', set: 0, clear: 0, optional: true })
  for (const { op, path } of plan.devices)
    if (op !== 'symlink')
      mounts.push({ pointer: '/linux/devices', destination: path, set: 0, clear: 0, optional: true })
  return mounts
}

function expectedMount(step: Exclude<MountStep, { op: 'remount' }>, mayBeRefused: boolean): Expected {
  const { pointer, destination, attributes, recursiveAttributes } = step
  const isNew = step.op === 'filesystem'
  const set = attributes.set | recursiveAttributes.set | setLate(step)
  // A user namespace may not clear what it got from outside, and what is bound instead of a new mount is such.
  const clear = mayBeRefused ? 0 : isNew ? MOUNT_ATTR_RDONLY : attributes.clear | recursiveAttributes.clear
  const source = step.op === 'bind' ? step.source : step.fallback?.source === 'sys' ? '/sys' : undefined
  return { pointer, destination, step, set, clear: clear & ~set, ...(source !== undefined && { source }) }
}

/** What it has when all is in place, whatever later entries say. */
function setLate(step: MountStep | undefined): number {
  return step !== undefined && 'readonlyLate' in step && step.readonlyLate ? MOUNT_ATTR_RDONLY : 0
}

function changeLast(mounts: Expected[], step: MountStep): void {
  const { destination, attributes } = step
  const at = mounts.findLastIndex(mount => mount.destination === destination)
  const mount = mounts[at]
  if (mount === undefined) return
  const late = (mount.late ?? setLate(mount.step)) | setLate(step)
  const set = (mount.set & ~attributes.clear) | attributes.set | late
  mounts[at] = { ...mount, late, set, clear: (mount.clear | attributes.clear) & ~set }
}

/** Is it there, is it what it is to be, and has it its attributes? */
function differences(place: MountTree, expected: Expected): Deviation[] {
  const { pointer, destination, step, optional } = expected
  const what = `the mount \`${destination}\``
  const row = place.at(destination, step?.noFollowTarget)
  if (row === undefined)
    return optional || (step?.op === 'bind' && isCopiedLink(place.outside, step))
      ? []
      : [{ pointer, what, expected: 'there', found: 'missing' }]
  return [...contentDrift(place, expected, row), ...attributeDrift(expected, row, pointer)]
}

function isCopiedLink(outside: Kernel<'outside'>, { copySymlink, source }: BindStep): boolean {
  if (!copySymlink) return false
  using fd = outside.openat(AT_FDCWD, source, O_PATH | O_NOFOLLOW, 0, 'any')
  return fd.exists && ((outside.statx(fd, '').stat?.mode ?? 0) & S_IFMT) === S_IFLNK
}

function contentDrift(place: MountTree, { pointer, destination, step }: Expected, row: MountRow): Deviation[] {
  const what = `the mount \`${destination}\``
  if (step?.op === 'filesystem' && row.type !== step.type)
    return [{ pointer: `${pointer}/type`, what, expected: step.type, found: row.type }]
  if (step?.op !== 'bind') return []
  const source = locate(place, step)
  if (source === undefined || (source.device === row.device && source.root === row.root)) return []
  const finding = { pointer: `${pointer}/source`, what, expected: `\`${step.source}\``, found: describe(row) }
  // Somebody has put a new file into the place of the source: the container has the old one.
  return [row.root.endsWith('//deleted') ? { ...finding, note: true } : finding]
}

function describe({ source, root, type }: MountRow): string {
  return root === '/' ? `${type} ${source}` : `\`${root}\` of ${source}`
}

/** What mountinfo says of a bind mount of this source: file system and place in that. Undefined when it is gone. */
function locate(
  { outside, host }: MountTree,
  { source, noFollowSource }: BindStep,
): Pick<MountRow, 'device' | 'root'> | undefined {
  using fd = outside.openat(AT_FDCWD, source, O_PATH | (noFollowSource ? O_NOFOLLOW : 0), 0, 'any')
  if (!fd.exists) return undefined
  const { id } = outside.mountOf(fd)
  const mount = host.find(row => BigInt(row.id) === id)
  const path = outside.readlinkat(AT_FDCWD, `/proc/self/fd/${fd.number}`)
  if (mount === undefined || !isWithin(path, mount.target)) return undefined
  return { device: mount.device, root: join(mount.root, path.slice(mount.target === '/' ? 0 : mount.target.length)) }
}

function attributeDrift({ set, clear, destination }: Expected, row: MountRow, pointer: string): Deviation[] {
  const has = (word: string) => row.options.includes(word)
  const missing = Object.keys(WORDS).filter(word => set & WORDS[word]! && !has(word))
  const added = Object.keys(WORDS).filter(word => clear & WORDS[word]! && has(word))
  if (missing.length + added.length === 0) return []
  const what = `the mount \`${destination}\``
  const expected = [...missing, ...added.map(word => (word === 'ro' ? 'rw' : word.slice(2)))].join(',')
  return [
    {
      pointer: pointer === '/root' ? '/root/readonly' : `${pointer}/options`,
      what,
      expected,
      found: row.options.join(','),
    },
  ]
}

/** Paths that are masked or read-only, where there is such a path. */
function protectedPaths({ plan }: Comparison, place: MountTree): Deviation[] {
  const masked = plan.maskedPaths.flatMap((path, i) => {
    place.at(path)
    const found = unmasked(place, path)
    const what = `the path \`${path}\``
    return found === undefined ? [] : [{ pointer: `/linux/maskedPaths/${i}`, what, expected: 'masked', found }]
  })
  const readonly = plan.readonlyPaths.flatMap((path, i) => {
    place.at(path)
    if (plan.maskedPaths.some(other => isWithin(path, other))) return []
    const row = place.holding(path)
    if (row === undefined || row.options.includes('ro')) return []
    const what = `the path \`${path}\``
    return [{ pointer: `/linux/readonlyPaths/${i}`, what, expected: 'read-only', found: 'writable' }]
  })
  return [...masked, ...readonly]
}

/** What is to be seen at a masked path; undefined when that is nothing. */
function unmasked(place: MountTree, path: string): string | undefined {
  const fd = place.open(path)
  if (fd === undefined) return undefined
  const stat = place.outside.statx(fd, '').stat
  if (stat === undefined) return undefined
  if ((stat.mode & S_IFMT) === S_IFCHR && stat.rdevMajor === 1 && stat.rdevMinor === 3) return undefined
  const row = place.holding(path)
  // An empty tmpfs: nothing can be made in it.
  if (
    row?.type === 'tmpfs' &&
    row.options.includes('ro') &&
    row.superOptions.some(word => /^nr_inodes=[12]/.test(word))
  )
    return undefined
  return row?.target === path ? `a mount of ${row.type}` : 'readable'
}

/** Mounts that nobody has asked for. */
function unexpected({ config }: Comparison, place: MountTree, expected: readonly Expected[]): Deviation[] {
  const hooks = MOUNTING_HOOKS.some(kind => (config.hooks?.[kind] ?? []).length > 0)
  const left = new Map(place.known)
  const surplus = place.rows.filter(row => {
    const count = left.get(row.target) ?? 0
    left.set(row.target, count - 1)
    return (
      count <= 0 &&
      row.target !== '/' &&
      !isCopy(place, row) &&
      !isBelowSource(place, row, expected) &&
      !isPropagated(place, row)
    )
  })
  return surplus.map(row => ({
    pointer: '/mounts',
    what: `the mount \`${row.target}\``,
    expected: 'none',
    found: describe(row),
    ...(hooks && { note: true as const }), // one of them may have made it
  }))
}

/** The copy of a tree that makes a path read-only has the mounts below it once more. */
function isCopy({ rows }: MountTree, row: MountRow): boolean {
  const isTwin = (other: MountRow) => other !== row && other.target === row.target && sameContent(other, row)
  const isStacked = (other: MountRow) => other.parent === row.id || row.parent === other.id
  return rows.some(other => isTwin(other) && !isStacked(other))
}

/** Something that is mounted below the source of a mount came along with it. */
function isBelowSource({ host }: MountTree, row: MountRow, expected: readonly Expected[]): boolean {
  return expected.some(({ source, destination }) => {
    if (source === undefined || !isWithin(row.target, destination) || row.target === destination) return false
    const path = join(source, row.target.slice(destination === '/' ? 0 : destination.length))
    return host.some(other => other.target === path && sameContent(other, row))
  })
}

/** The host has mounted it since, and the container's mounts follow those of the host. */
function isPropagated({ host }: MountTree, row: MountRow): boolean {
  return row.tags.some(tag => tag.startsWith('master:')) && host.some(other => sameContent(other, row))
}

function sameContent(a: MountRow, b: MountRow): boolean {
  return a.device === b.device && a.root === b.root
}
