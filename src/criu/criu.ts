import { CAP_SYS_RESOURCE } from '../../native/abi/capability.ts'
import { EEXIST, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import { S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import { __WALL } from '../../native/abi/wait.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { doing, HostError, UsageError } from '../errors.ts'
import { isOpenToOthers, readOwn } from '../host/callersFiles.ts'
import { ownCapabilities } from '../host/host.ts'
import { openParent } from '../host/parentDirectory.ts'
import { programPaths, USUAL_DIRECTORIES } from '../host/programs.ts'
import { withExecutor } from '../host/withExecutor.ts'
import type { Runtime } from '../runtime.ts'
import { awaitProgram, recordTail } from '../setup/tail.ts'
import { converse, type Notice, openLine } from './conversation.ts'
import { adviceFor, quoteErrors } from './log.ts'
import { type OutputDirectory, openDirectoryToFill } from './outputDirectory.ts'
import { type CriuOptions, type CriuRequest, type CriuResponse, cgroupModes, networkLocks, REQUEST } from './rpc.ts'

/** What checkpoint and restore have in common; paths are relative to the current directory. */
export interface CriuSettings {
  /** The directory of the checkpoint. */
  readonly imagePath: string
  /** Where logs and statistics go, if not there. */
  readonly workPath?: string | undefined
  readonly tcpEstablished?: boolean
  readonly extUnixSk?: boolean
  readonly shellJob?: boolean
  readonly fileLocks?: boolean
  readonly autoDedup?: boolean
  readonly lazyPages?: boolean
  /** Do without what is in the network namespace. */
  readonly emptyNetwork?: boolean
  readonly manageCgroupsMode?: keyof typeof cgroupModes
  readonly networkLock?: keyof typeof networkLocks | undefined
}

/** The directories of a checkpoint. CRIU opens them through our descriptors. */
export interface CheckpointPlaces {
  readonly images: Fd<'outside'>
  readonly work: Fd<'outside'> | undefined
  /** How a path relative to the directory of the checkpoint begins from `images`. */
  readonly prefix: string
  /** The path of CRIU's log. */
  readonly log: string
  readonly logFile: string
  /** What CRIU has written comes to where it was asked for, see outputDirectory.ts. */
  publish(): void
  /** The same when CRIU has ended. Errors: KernelError. */
  finish(): void
}

/** In what CRIU is started. */
export interface CriuProgram {
  readonly file: string
  readonly env: readonly string[]
}

/** Everything but memory dumps. */
const LOG_LEVEL = 4
/** CLONE_NEWNET, the one that CRIU can leave empty. */
const EMPTY_NETWORK = 0x4000_0000

/** From which release on CRIU knows options that an older one would silently leave out. */
const SINCE = { lsmProfile: 31600, networkLock: 31700 } as const

/** Finds criu(8) in PATH; undefined when it is not installed. */
export function lookForCriu(runtime: Runtime): CriuProgram | undefined {
  const { outside, host, env } = runtime
  const file = programPaths(runtime, 'criu').find(
    name =>
      ((outside.statx(AT_FDCWD, name, 0, 'any').stat?.mode ?? 0) & S_IFMT) === S_IFREG &&
      outside.executable(name).value === 0,
  )
  if (file === undefined) return undefined
  // CRIU calls iptables-restore, tar and others by their names.
  return { file, env: env('PATH') === undefined ? [...host.env, `PATH=${USUAL_DIRECTORIES}`] : host.env }
}

/** Errors: HostError when it is not installed. */
export function findCriu(runtime: Runtime): CriuProgram {
  const found = lookForCriu(runtime)
  if (found !== undefined) return found
  throw new HostError(
    `CRIU is not installed: there is no program criu in PATH (${runtime.env('PATH') ?? USUAL_DIRECTORIES}); install the package criu`,
  )
}

/** Opens the directories; `make` makes those of a new checkpoint. Errors: HostError, UsageError, KernelError. */
export function openPlaces(
  { outside, absolute }: Runtime,
  { imagePath, workPath, autoDedup }: CriuSettings,
  logFile: string,
  make: boolean,
  fds: Fds,
): CheckpointPlaces {
  const imagesAt = absolute(imagePath)
  const images = make ? openToFill(outside, '--image-path', imagesAt, fds) : openToRead(outside, imagesAt, fds)
  if (!make && autoDedup) refuseHoles(outside, '--image-path', images.fd)
  const workAt = workPath === undefined ? undefined : absolute(workPath)
  const work = workAt === undefined ? undefined : openToFill(outside, '--work-path', workAt, fds)
  const all = work === undefined ? [images] : [images, work]
  return {
    images: images.fd,
    work: work?.fd,
    prefix: images.prefix,
    log: `${workAt ?? imagesAt}/${logFile}`,
    logFile,
    publish: () => {
      for (const directory of all) directory.publish()
    },
    finish: () => {
      for (const directory of all) directory.finish()
    },
  }
}

const ABSENT = [ENOENT, ENOTDIR]

function openToFill(outside: Kernel<'outside'>, option: string, path: string, fds: Fds): OutputDirectory {
  doing(option, () => makeDirectory(outside, path))
  const directory = doing(option, () => openDirectoryToFill(outside, path, fds, ABSENT))
  if (!directory.fd.exists) throw absent(option, path)
  return directory
}

/** Where no link of somebody else's leads. */
function makeDirectory(outside: Kernel<'outside'>, path: string): void {
  const { directory, name } = openParent(outside, path)
  using parent = directory
  outside.mkdirat(parent, name, 0o700, [EEXIST])
}

function openToRead(outside: Kernel<'outside'>, path: string, fds: Fds): OutputDirectory {
  const fd = fds.keep(outside.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, ABSENT))
  if (!fd.exists) throw absent('--image-path', path)
  return { fd, prefix: '', publish: () => {}, finish: () => {} }
}

function absent(option: string, path: string): HostError {
  return new HostError(`${option}: \`${path}\` does not exist or is not a directory`)
}

/** What --auto-dedup makes holes in is opened by name. Errors: UsageError where that may be a link of somebody else's. */
export function refuseHoles(outside: Kernel<'outside'>, option: string, directory: Fd<'outside'>): void {
  if (!isOpenToOthers(outside, directory)) return
  throw new UsageError(
    `--auto-dedup makes holes in files of \`${directory.subject}\` (${option}), where others can put links; use a directory of your own`,
  )
}

/** The same directories as a process in another mount namespace sees them: CRIU mounts things in the one for logs. */
export function placesFor(
  outside: Kernel<'outside'>,
  pid: number,
  { images, work, ...rest }: CheckpointPlaces,
  fds: Fds,
): CheckpointPlaces {
  const same = (fd: Fd<'outside'>) => {
    const path = outside.readlinkat(AT_FDCWD, `/proc/self/fd/${fd.number}`)
    const again = fds.keep(outside.openat(AT_FDCWD, `/proc/${pid}/root${path}`, O_RDONLY | O_DIRECTORY))
    if (isSame(outside, fd, again)) return again
    throw new HostError(`\`${path}\` was exchanged for another directory just now`)
  }
  return { ...rest, images: same(images), work: work && same(work) }
}

function isSame(outside: Kernel<'outside'>, one: Fd<'outside'>, other: Fd<'outside'>): boolean {
  const [a, b] = [outside.statx(one, '', 0, []).stat!, outside.statx(other, '', 0, []).stat!]
  return a.inode === b.inode && a.devMajor === b.devMajor && a.devMinor === b.devMinor
}

/** The options that checkpoint and restore share. */
export function commonOptions(
  outside: Kernel<'outside'>,
  settings: CriuSettings,
  places: CheckpointPlaces,
  annotations: Readonly<Record<string, string>> | undefined,
): CriuOptions {
  return {
    images_dir_fd: places.images.number,
    work_dir_fd: places.work?.number,
    log_level: LOG_LEVEL,
    log_file: places.logFile,
    notify_scripts: true,
    orphan_pts_master: true,
    ext_unix_sk: settings.extUnixSk,
    tcp_established: settings.tcpEstablished,
    shell_job: settings.shellJob,
    file_locks: settings.fileLocks,
    auto_dedup: settings.autoDedup,
    lazy_pages: settings.lazyPages,
    empty_ns: settings.emptyNetwork ? EMPTY_NETWORK : undefined,
    manage_cgroups: true,
    manage_cgroups_mode: cgroupModes[settings.manageCgroupsMode ?? 'soft'],
    network_lock: settings.networkLock && networkLocks[settings.networkLock],
    config_file: configFile(outside, annotations),
  }
}

const CONFIG_FILES = ['/etc/criu/tsrun.conf', '/etc/criu/runc.conf', '/etc/criu/crun.conf'] as const

/** Settings there come on top of ours. The annotation names another file; when it is empty there is none. */
function configFile(
  outside: Kernel<'outside'>,
  annotations: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const named = annotations?.['org.criu.config']
  if (named !== undefined) return named === '' ? undefined : named
  return CONFIG_FILES.find(path => outside.statx(AT_FDCWD, path).stat !== undefined)
}

/**
 * Makes the executor CRIU, which then listens on its descriptor `line`; `kept` are others that stay open. Errors: what
 * execve says.
 */
export function becomeCriu(
  outside: Kernel<'outside'>,
  executor: Executor,
  { file, env }: CriuProgram,
  line: Fd<'inside'>,
  kept: readonly Fd<'inside'>[] = [],
): void {
  executor.kernel.flush()
  const tail = recordTail(executor, 'planner', kernel => {
    for (const fd of [line, ...kept]) kernel.keepOpen(fd)
    kernel.execve(file, ['criu', 'swrk', String(line.number)], env)
  })
  executor.calls.send(tail.operations)
  awaitProgram(outside, executor.control, tail)
}

/** Starts CRIU in the host's namespaces for one request, deals with its notices, and gives its answer. */
export function askCriu(
  runtime: Runtime,
  program: CriuProgram,
  asked: CriuRequest,
  notified?: (notice: Notice) => void,
): CriuResponse {
  const { outside } = runtime
  using fds = new Fds()
  const { ours, theirs } = openLine(outside, fds)
  const work = (executor: Executor) => {
    theirs.close()
    // Ctrl-C in a terminal must not end CRIU in the middle: it notices that we are gone, and takes back what it did.
    executor.kernel.setsid()
    becomeCriu(outside, executor, program, executor.passed(theirs))
    const pidfd = fds.keep(outside.pidfdOpen(executor.pid, []))
    return converse(outside, { line: ours, pidfd }, asked, notified)
  }
  return withExecutor(runtime, { passed: [theirs] }, work, (_, executor) => {
    executor.release()
    ours.close() // after a pre-dump CRIU waits for the next one
    outside.wait(executor.pid, __WALL, 'any')
  })
}

const BROKEN = 'CRIU does not work with this kernel; `criu check` says why'

/** What of CRIU's abilities depends on the kernel, in words. */
const ABILITIES = {
  mem_track: '--pre-dump needs a kernel that tracks changes of memory (CONFIG_MEM_SOFT_DIRTY)',
  lazy_pages: '--lazy-pages needs a kernel with userfaultfd(2) (CONFIG_USERFAULTFD)',
} as const

/** Errors: HostError when CRIU can not do that on this kernel. */
export function requireAbility(runtime: Runtime, program: CriuProgram, ability: keyof typeof ABILITIES): void {
  const { success, features } = askCriu(runtime, program, {
    type: REQUEST.FEATURE_CHECK,
    features: { [ability]: true },
  })
  if (!success) throw new HostError(BROKEN)
  if (!features?.[ability]) throw new HostError(ABILITIES[ability])
}

/**
 * What CRIU's server of pages makes a pipe for: 819 pages, which the kernel rounds up. Where it may not have that it goes on
 * without a word, and nobody gets a page.
 */
const PAGE_PIPE = 4 << 20
const PIPE_LIMIT = '/proc/sys/fs/pipe-max-size'

/** Errors: HostError when memory can not be fetched from a checkpoint with --lazy-pages made here. */
export function requireLazyPages(runtime: Runtime, program: CriuProgram): void {
  const { outside } = runtime
  requireAbility(runtime, program, 'lazy_pages')
  const limit = outside.readTextIfAny(AT_FDCWD, PIPE_LIMIT)
  if (limit === undefined || Number(limit) >= PAGE_PIPE || ownCapabilities(outside)(CAP_SYS_RESOURCE)) return
  throw new HostError(
    `--lazy-pages needs CAP_SYS_RESOURCE, or ${PAGE_PIPE} in ${PIPE_LIMIT}: CRIU serves pages through larger pipes than ${limit.trim()} bytes`,
  )
}

/** Errors: HostError when CRIU is older than an option that is given. */
export function requireRelease(runtime: Runtime, program: CriuProgram, option: keyof typeof SINCE, name: string): void {
  const { success, version } = askCriu(runtime, program, { type: REQUEST.VERSION })
  if (!success) throw new HostError(BROKEN)
  const { major_number: major = 0, minor_number: minor = 0, sublevel = 0 } = version ?? {}
  const least = SINCE[option]
  if (major * 10_000 + minor * 100 + sublevel >= least) return
  const words = `${Math.floor(least / 10_000)}.${Math.floor(least / 100) % 100}`
  throw new HostError(`${name} needs CRIU ${words} or newer; this one is ${major}.${minor}`)
}

/** What went wrong, from CRIU's log and its answer. `deed` is what it could not do. */
export function criuFailure(
  { outside, rootless }: Runtime,
  { log, logFile, work, images }: CheckpointPlaces,
  deed: string,
  answer?: CriuResponse,
): HostError {
  const bytes = readOwn(outside, work ?? images, logFile)
  if (bytes === undefined) return new HostError(`CRIU can not ${deed} and has no log: ${BROKEN}`)
  const text = decode(bytes)
  const said = quoteErrors(text) ?? answer?.cr_errmsg
  const reason = said === undefined ? '' : `: ${said}`
  const advice = rootless ? "it needs the rights of the host's root" : adviceFor(text)
  const hint = advice === undefined ? '' : `; ${advice}`
  return new HostError(`CRIU can not ${deed}${reason}${hint} (see \`${log}\`)`)
}
