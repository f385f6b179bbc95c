import { AT_FDCWD } from '../native/abi/fcntl.ts'
import type { MakeExecutorCalls } from '../native/executor/launch.ts'
import type { Host } from '../native/host.ts'
import { createKernel, type Kernel } from '../native/kernel.ts'
import { DirectCalls } from '../native/kernels/direct.ts'
import { variable } from './host/environment.ts'
import { absolute } from './host/host.ts'

/** How cgroups are managed: by writing files, through systemd, or not at all. */
export type CgroupManager = 'cgroupfs' | 'systemd' | 'disabled'

/** What a command works with: the host, the kernel as seen from here, and the options that hold for every command. */
export interface Runtime {
  readonly host: Host
  /** The planner's own process: the host's namespaces, all of its privileges. */
  readonly outside: Kernel<'outside'>
  /** The directory that holds a directory per container. */
  readonly root: string
  /** Has somebody named it? Then a list of what is not there is a mistake. */
  readonly rootIsGiven: boolean
  readonly cgroupManager: CgroupManager
  /** An unprivileged user's runtime, or one in a user namespace: what only the host's root may do is not to be expected. */
  readonly rootless: boolean
  /** Root of a user namespace only, whatever the user id says. */
  readonly inUserNamespace: boolean
  /** Text for the standard output. */
  write(text: string): void
  /** Is there a config.json in this directory? */
  isBundle(path: string): boolean
  /** The path made absolute with the current directory. */
  absolute(path: string): string
  /** A variable of the caller's environment. */
  env(name: string): string | undefined
  /** Something that is worth a look when one looks for it. Not on stderr by default: conmon takes that for the container's. */
  inform(text: string): void
  /** Something the user should know although the work goes on. */
  warn(text: string): void
  /** Does whoever removes a container take the end of its first process, when that is a child of ours? */
  readonly reaps: boolean
  /** Does a part of the work that a trace shows as such; no message names it, see doing() for that. */
  phase<T>(name: string, work: () => T): T
  /** What executors make their calls with; undefined without a trace. */
  readonly makeCalls: MakeExecutorCalls | undefined
}

/** Takes a word about something the user should know. */
export type Warn = Runtime['warn']

/** Who wants to know what is done when. */
export type Observer = Pick<Runtime, 'phase' | 'makeCalls'>

export interface RuntimeOptions {
  readonly root?: string | undefined
  readonly cgroupManager?: CgroupManager | undefined
  /** Instead of finding out. */
  readonly rootless?: 'auto' | 'true' | 'false' | undefined
  readonly inform?: ((text: string) => void) | undefined
  readonly warn?: ((text: string) => void) | undefined
  /** False for who waits for its children itself. */
  readonly reaps?: boolean | undefined
  /** A machine other than the host's own, for traces and tests. */
  readonly outside?: Kernel<'outside'> | undefined
  readonly observer?: Observer | undefined
}

/** PROC_USER_INIT_INO of the kernel. A namespace may have the mappings of the initial one, as systemd 260 makes them, and not its rights. */
const INITIAL_USER_NAMESPACE = 0xeffffffdn

function once<T>(find: () => T): () => T {
  let found: { value: T } | undefined
  return () => {
    found ??= { value: find() }
    return found.value
  }
}

export function createRuntime(host: Host, options: RuntimeOptions = {}): Runtime {
  const outside = options.outside ?? createKernel(new DirectCalls(host))
  const env = (name: string) => variable(host.env, name)
  const inUserNamespace = once(
    () => outside.statx(AT_FDCWD, '/proc/self/ns/user', 0).stat?.inode !== INITIAL_USER_NAMESPACE,
  )
  const rootless = once(() =>
    options.rootless === 'true' || options.rootless === 'false'
      ? options.rootless === 'true'
      : outside.effectiveIds().uid !== 0 || inUserNamespace(),
  )
  const defaultRoot = () => {
    const directory = env('XDG_RUNTIME_DIR')
    // Root has it set too, in a login session, but root's containers are the host's.
    return directory?.startsWith('/') && rootless() ? `${directory}/tsrun` : '/run/tsrun'
  }
  const root = once(() => (options.root === undefined ? defaultRoot() : absolute(outside, options.root)))
  return {
    host,
    outside,
    get root() {
      return root()
    },
    rootIsGiven: options.root !== undefined,
    get rootless() {
      return rootless()
    },
    get inUserNamespace() {
      return inUserNamespace()
    },
    cgroupManager: options.cgroupManager ?? 'cgroupfs',
    write: text => outside.writeAll(1, text),
    isBundle: path => outside.statx(AT_FDCWD, `${path}/config.json`, 0, 'any').stat !== undefined,
    absolute: path => absolute(outside, path),
    env,
    inform: options.inform ?? (() => {}),
    warn: options.warn ?? (() => {}),
    reaps: options.reaps ?? true,
    phase: options.observer?.phase ?? ((_, work) => work()),
    makeCalls: options.observer?.makeCalls,
  }
}
