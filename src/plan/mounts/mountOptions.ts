import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME as NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME as RELATIME,
  MOUNT_ATTR_STRICTATIME as STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../../native/abi/mount.ts'

/** A change of mount attributes, as mount_setattr(2) takes it: `clear` first, then `set`. */
export interface Attributes {
  readonly set: number
  readonly clear: number
}

/** A change of propagation: MS_SHARED and the like, of the mount or of the tree below it. */
export interface Propagation {
  readonly flag: number
  readonly recursive: boolean
}

/** A parameter of a file system, as fsconfig(2) takes it: a string, or a flag when there is no value. */
export interface Parameter {
  readonly key: string
  readonly value?: string
}

/** The options of one mount, sorted by what carries them out. */
export interface MountOptions {
  /** Of the mount itself. */
  readonly attributes: Attributes
  /** Of the mount and everything below it. */
  readonly recursive: Attributes
  /** Does any word say something about the mount itself, even what is so anyway? */
  readonly named: boolean
  /** Flags of the superblock in fsconfig's words: ro, rw, sync, async, dirsync, mand, nomand, lazytime, nolazytime. */
  readonly superblock: readonly string[]
  /** In the order given: `slave` then `shared` means both. */
  readonly propagation: readonly Propagation[]
  readonly bind: false | 'bind' | 'rbind'
  readonly remount: boolean
  /** Fill a new tmpfs with what its mount point holds. */
  readonly tmpcopyup: boolean
  readonly idmap: false | 'idmap' | 'ridmap'
  /** The mapping of crun's `idmap=uids=...;gids=...`. */
  readonly idmapText: string | undefined
  /** A source that is a symbolic link is copied instead of followed. */
  readonly copySymlink: boolean
  readonly srcNofollow: boolean
  readonly destNofollow: boolean
  /** What no row of the table knows is the file system's own. */
  readonly data: readonly Parameter[]
}

/** What a word of the table changes. */
interface OptionRow {
  /** Attribute bits to set, or to clear. */
  readonly set?: number
  readonly clear?: number
  /** A value for the access time field, or the value that the word says no to. */
  readonly atime?: number
  readonly notAtime?: number
  /** The attributes are those of the whole tree; the propagation too. */
  readonly recursive?: true
  /** A flag of the superblock, and its opposite where it has one. */
  readonly flag?: string
  readonly opposite?: string
  readonly propagation?: number
  readonly mark?: Partial<Marks>
}

type Marks = Writable<
  Pick<
    MountOptions,
    'bind' | 'remount' | 'tmpcopyup' | 'idmap' | 'idmapText' | 'copySymlink' | 'srcNofollow' | 'destNofollow'
  >
>
type Writable<T> = { -readonly [key in keyof T]: T[key] }

const rows: Readonly<Record<string, OptionRow>> = {
  defaults: {},
  ro: { set: MOUNT_ATTR_RDONLY, flag: 'ro', opposite: 'rw' },
  rw: { clear: MOUNT_ATTR_RDONLY, flag: 'rw', opposite: 'ro' },
  nosuid: { set: MOUNT_ATTR_NOSUID },
  suid: { clear: MOUNT_ATTR_NOSUID },
  nodev: { set: MOUNT_ATTR_NODEV },
  dev: { clear: MOUNT_ATTR_NODEV },
  noexec: { set: MOUNT_ATTR_NOEXEC },
  exec: { clear: MOUNT_ATTR_NOEXEC },
  nodiratime: { set: MOUNT_ATTR_NODIRATIME },
  diratime: { clear: MOUNT_ATTR_NODIRATIME },
  nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
  noatime: { atime: NOATIME },
  atime: { notAtime: NOATIME },
  relatime: { atime: RELATIME },
  norelatime: { notAtime: RELATIME },
  strictatime: { atime: STRICTATIME },
  nostrictatime: { notAtime: STRICTATIME },

  sync: { flag: 'sync', opposite: 'async' },
  async: { flag: 'async', opposite: 'sync' },
  dirsync: { flag: 'dirsync' },
  lazytime: { flag: 'lazytime', opposite: 'nolazytime' },
  nolazytime: { flag: 'nolazytime', opposite: 'lazytime' },
  // Mandatory locks are gone since 5.15; the kernel still takes the words.
  mand: { flag: 'mand', opposite: 'nomand' },
  nomand: { flag: 'nomand', opposite: 'mand' },
  // fsconfig(2) has no such flags. i_version is on wherever a file system has it, and silent is about the kernel's log.
  iversion: {},
  noiversion: {},
  silent: {},
  loud: {},

  shared: { propagation: MS_SHARED },
  slave: { propagation: MS_SLAVE },
  private: { propagation: MS_PRIVATE },
  unbindable: { propagation: MS_UNBINDABLE },
  rshared: { propagation: MS_SHARED, recursive: true },
  rslave: { propagation: MS_SLAVE, recursive: true },
  rprivate: { propagation: MS_PRIVATE, recursive: true },
  runbindable: { propagation: MS_UNBINDABLE, recursive: true },

  bind: { mark: { bind: 'bind' } },
  rbind: { mark: { bind: 'rbind' } },
  remount: { mark: { remount: true } },
  tmpcopyup: { mark: { tmpcopyup: true } },
  idmap: { mark: { idmap: 'idmap', idmapText: undefined } },
  ridmap: { mark: { idmap: 'ridmap', idmapText: undefined } },

  rro: { set: MOUNT_ATTR_RDONLY, recursive: true },
  rrw: { clear: MOUNT_ATTR_RDONLY, recursive: true },
  rnosuid: { set: MOUNT_ATTR_NOSUID, recursive: true },
  rsuid: { clear: MOUNT_ATTR_NOSUID, recursive: true },
  rnodev: { set: MOUNT_ATTR_NODEV, recursive: true }, // not in the specification's table, in every runtime's
  rdev: { clear: MOUNT_ATTR_NODEV, recursive: true },
  rnoexec: { set: MOUNT_ATTR_NOEXEC, recursive: true },
  rexec: { clear: MOUNT_ATTR_NOEXEC, recursive: true },
  rnosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW, recursive: true },
  rsymfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW, recursive: true },
  rnodiratime: { set: MOUNT_ATTR_NODIRATIME, recursive: true },
  rdiratime: { clear: MOUNT_ATTR_NODIRATIME, recursive: true },
  rnoatime: { atime: NOATIME, recursive: true },
  ratime: { notAtime: NOATIME, recursive: true },
  rrelatime: { atime: RELATIME, recursive: true },
  rnorelatime: { notAtime: RELATIME, recursive: true },
  rstrictatime: { atime: STRICTATIME, recursive: true },
  rnostrictatime: { notAtime: STRICTATIME, recursive: true },

  // crun's. These flags belong to superblocks, so there is no recursion to be had.
  rsync: { flag: 'sync', opposite: 'async' },
  rasync: { flag: 'async', opposite: 'sync' },
  rdirsync: { flag: 'dirsync' },
  rmand: { flag: 'mand', opposite: 'nomand' },
  rnomand: { flag: 'nomand', opposite: 'mand' },
  'copy-symlink': { mark: { copySymlink: true } },
  'src-nofollow': { mark: { srcNofollow: true } },
  'dest-nofollow': { mark: { destNofollow: true } },
}

/** The words that are not left to the file system, sorted; for `tsrun features`. */
export function mountOptionNames(): string[] {
  return Object.keys(rows).sort()
}

const ownRows = Object.entries(rows).filter(([, { recursive }]) => !recursive)

/** An attribute of a mount: its bit in mount_setattr(2), and the words that set it, as mountinfo shows it, and clear it. */
export interface AttributeWords {
  readonly bit: number
  readonly set: string
  readonly clear: string
}

export const attributeWords: readonly AttributeWords[] = ownRows.flatMap(([set, { set: bit }]) => {
  const clear = ownRows.find(([, row]) => bit !== undefined && row.clear === bit)?.[0]
  return bit === undefined || clear === undefined ? [] : [{ bit, set, clear }]
})

/** The word for this value of the access time field; `relatime` is the kernel's default. */
export function accessTimeWord(value: number): string {
  return ownRows.find(([, { atime }]) => atime === value)?.[0] ?? 'relatime'
}

/** The word for MS_SHARED and the like. */
export function propagationWord(flag: number): string {
  return ownRows.find(([, { propagation }]) => propagation === flag)![0]
}

/** Attributes while words come in. */
interface AttributeDraft {
  set: number
  clear: number
  atime: number | undefined
}

/**
 * Sorts the `options` of a mount (config.md, Linux mount options). A later word wins over an earlier one. Words that the
 * table does not know go to `data`, split at commas as mount(2) would split them. Never fails: whether the words fit
 * together is for the one who knows the mount.
 */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const own: AttributeDraft = { set: 0, clear: 0, atime: undefined }
  const tree: AttributeDraft = { set: 0, clear: 0, atime: undefined }
  const superblock = new Set<string>()
  const propagation: Propagation[] = []
  const data: Parameter[] = []
  let named = false
  const marks: Marks = {
    bind: false,
    remount: false,
    tmpcopyup: false,
    idmap: false,
    idmapText: undefined,
    copySymlink: false,
    srcNofollow: false,
    destNofollow: false,
  }
  for (const option of options) {
    const row = Object.hasOwn(rows, option) ? rows[option]! : inlineIdmap(option)
    if (row === undefined) {
      data.push(...parameters(option))
      continue
    }
    change(row.recursive ? tree : own, row)
    named ||= saysOfMount(row)
    if (row.opposite !== undefined) superblock.delete(row.opposite)
    if (row.flag !== undefined) superblock.add(row.flag)
    if (row.propagation !== undefined) propagation.push({ flag: row.propagation, recursive: row.recursive === true })
    // mount(2) knows a bind and that it is recursive as two flags, so `rbind` stays recursive whatever the order.
    if (row.mark?.bind !== 'bind' || marks.bind === false) Object.assign(marks, row.mark)
  }
  const attributes = { attributes: finish(own), recursive: finish(tree), named }
  return { ...attributes, superblock: [...superblock], propagation, ...marks, data }
}

function saysOfMount({ recursive, set, clear, atime, notAtime, flag }: OptionRow): boolean {
  return !recursive && (set ?? clear ?? atime ?? notAtime ?? flag) !== undefined
}

function inlineIdmap(option: string): OptionRow | undefined {
  const word = idMapWord(option)
  return word === undefined ? undefined : { mark: { idmap: word, idmapText: option.slice(word.length + 1) } }
}

/** The word for an id map, where the option is one: alone, or with crun's map behind a `=`. */
export function idMapWord(option: string): 'idmap' | 'ridmap' | undefined {
  const word = option.startsWith('idmap') ? 'idmap' : option.startsWith('ridmap') ? 'ridmap' : undefined
  return word !== undefined && (option === word || option[word.length] === '=') ? word : undefined
}

function change(draft: AttributeDraft, { set = 0, clear = 0, atime, notAtime, recursive }: OptionRow): void {
  draft.set = (draft.set & ~clear) | set
  draft.clear = (draft.clear & ~set) | clear
  if (atime !== undefined) draft.atime = atime
  if (notAtime !== undefined) draft.atime = (recursive ? without : unsaid)(draft.atime, notAtime)
}

/**
 * Access time of the mount itself after a word like `atime`: that takes back the very word before it, and says nothing about
 * what the source of a bind has, as with mount(2), which crun and runc use there.
 */
function unsaid(atime: number | undefined, refused: number): number | undefined {
  return atime === refused ? undefined : atime
}

/**
 * That of a tree after a word like `ratime`, which says no to `noatime`. It takes back the very word before it; where nothing
 * was said it means the kernel's default, relatime. "Not relatime" has no default to fall back to and changes nothing.
 */
function without(atime: number | undefined, refused: number): number | undefined {
  if (refused === RELATIME) return atime === RELATIME ? undefined : atime
  return atime === undefined || atime === refused ? RELATIME : atime
}

/** The access time is a field: to give it a value is to clear it all and to set that, see mount_setattr(2). */
function finish({ set, clear, atime }: AttributeDraft): Attributes {
  return atime === undefined ? { set, clear } : { set: set | atime, clear: clear | MOUNT_ATTR__ATIME }
}

/** `size=64k,context="a,b"` as parameters: split at commas outside quotes, then at the first `=`; quotes taken off. */
function parameters(option: string): Parameter[] {
  if (option !== '' && !option.includes(',') && !option.includes('"')) return [parameter(option)]
  return (option.match(/(?:"[^"]*"|\\.|[^,])+/g) ?? []).map(parameter)
}

function parameter(word: string): Parameter {
  const equals = word.indexOf('=')
  if (equals < 0) return { key: word }
  const value = word.slice(equals + 1)
  return { key: word.slice(0, equals), value: value.startsWith('"') ? value.replace(/^"(.*)"$/, '$1') : value }
}
