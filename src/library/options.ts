import type { Readable, Writable } from 'node:stream'
import type { Config } from '../../spec/generated/config.ts'
import type { CheckpointRequest } from '../criu/checkpoint.ts'
import type { CriuSettings } from '../criu/criu.ts'
import type { RestoreRequest } from '../criu/restore.ts'
import type { ProcessChanges } from '../plan/process/execProcess.ts'
import type { CgroupManager } from '../runtime.ts'

/** What holds for all containers of a {@link Runtime}. */
export interface RuntimeOptions {
  /**
   * The directory that holds a directory per container; those who name the same one see the same containers, the command
   * `tsrun` included. By default /run/tsrun, without privileges a directory in $XDG_RUNTIME_DIR.
   */
  readonly root?: string
  /** How cgroups are managed: by writing files (the default), through systemd, or not at all. */
  readonly cgroupManager?: CgroupManager
  /** Leave out what only the host's root may do, where the specification lets it; found out by default. */
  readonly rootless?: 'auto' | 'true' | 'false'
  /** Gets a sentence when something is worth knowing although the work goes on; `process.emitWarning` by default. */
  readonly warn?: (text: string) => void
}

/**
 * Where a standard stream of a program leads:
 * - `'pipe'`: to a stream of this process
 * - `'ignore'`: to /dev/null
 * - `'inherit'`: where that of this process leads
 * - a number: to this open descriptor
 * - a stream: what it gives is copied to the program, or what the program writes to it; it is not ended
 */
export type Stdio<S> = 'pipe' | 'ignore' | 'inherit' | number | S

/** Variables of the environment: `NAME=VALUE` strings, or an object, in which what is undefined is not set. */
export type Environment = readonly string[] | Readonly<Record<string, string | undefined>>

/** How large a terminal is, in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** The standard streams of a program. */
export interface StdioOptions {
  /** `'ignore'` by default. */
  readonly stdin?: Stdio<Readable>
  /** `'pipe'` by default: then somebody has to read it, or the program waits when the pipe is full. */
  readonly stdout?: Stdio<Writable>
  /** `'pipe'` by default, as `stdout`. */
  readonly stderr?: Stdio<Writable>
  /**
   * A terminal takes the place of all three: it is `terminal` of the container or program, a stream to read and to write.
   * `stdin` and `stdout` may be streams all the same, which are joined to it.
   */
  readonly terminal?: boolean | TerminalSize
}

/** Where a configuration is found. */
export interface ValidateOptions {
  /** The bundle: a directory, in which config.json lies unless `config` is given. The current directory by default. */
  readonly bundle?: string
  /**
   * The configuration itself, instead of a file; {@link defaultConfig} gives one to start from. Relative paths in it start
   * at `bundle`.
   */
  readonly config?: Config
  /** A file to read the configuration from, instead of config.json in the bundle. */
  readonly configFile?: string
}

/** What a container is made of. */
export interface CreateOptions extends StdioOptions, ValidateOptions {
  /** Its name among the containers of the runtime; one that is not taken by default. */
  readonly id?: string
  /**
   * A file of `docker save` or `podman save`, or an OCI image layout (a directory, or an archive of it). It is unpacked for this
   * container, by the optional package `tar-stream`, into a directory in /var/tmp that goes with it. Without `config` what the
   * image says about its program holds: arguments, environment, working directory, user.
   */
  readonly image?: string
  /** The program and its arguments, instead of those of the configuration. */
  readonly args?: readonly string[]
  /** Variables besides those of the configuration; they replace those of the same name. */
  readonly env?: Environment
  /** The working directory, instead of that of the configuration. */
  readonly cwd?: string
  /** A unix socket that gets the terminal of a process with `terminal: true`, as the option of runc. */
  readonly consoleSocket?: string
  /** Keep the session keyring of this process. */
  readonly noNewKeyring?: boolean
  /** MS_MOVE and chroot instead of pivot_root, for a host that runs from its initramfs. */
  readonly noPivot?: boolean
  /**
   * Ends the container, whatever it is at: it is killed and removed, and what is pending (create, start, wait, run) is
   * rejected with the reason of the signal; `run` with an {@link AbortError} of which that is the cause.
   */
  readonly signal?: AbortSignal
}

/** How what a program writes is collected. */
export interface OutputOptions {
  /** How many bytes each of stdout and stderr may have; 1 MiB by default. */
  readonly maxOutput?: number
  /** `'buffer'` for bytes as they are; by default they are decoded as UTF-8. */
  readonly encoding?: 'utf8' | 'buffer'
}

/** What a container that is run to its end is made of. */
export interface RunOptions extends CreateOptions, OutputOptions {
  /** Not `'pipe'`: a stream, such as `Readable.from(['text'])`. */
  readonly stdin?: Exclude<Stdio<Readable>, 'pipe'>
}

/** What another program in a container is to be like, other than the container's own process. */
export interface ExecOptions extends StdioOptions, Omit<ProcessChanges, 'args' | 'env' | 'terminal' | 'consoleSize'> {
  /** Variables besides those of the container's own process; they replace those of the same name. */
  readonly env?: Environment | undefined
  /** A cgroup below the container's, instead of that one. */
  readonly cgroup?: string
  /** Kills the program; what is pending (exec, wait) is rejected with the reason of the signal. */
  readonly signal?: AbortSignal
}

/** How a program ended. */
export interface ExitResult {
  /** The exit code; null when a signal ended it, or when that is not to be known any more. */
  readonly code: number | null
  /** The name of the signal that ended it, `SIGKILL`. */
  readonly signal: string | null
  /** The kernel has killed processes of the container for lack of memory. */
  readonly oom: boolean
}

/** How a program ended, and what it has written where its streams are `'pipe'`. */
export interface Output<T extends string | Buffer = string> extends ExitResult {
  /** What it has written to its standard output. */
  readonly stdout: T
  /** What it has written to its standard error. */
  readonly stderr: T
}

/** What a checkpoint is to be like; options as those of `tsrun checkpoint`. */
export interface CheckpointOptions extends Omit<CheckpointRequest, 'id' | 'statusFd'> {}

/** What to make a container of that was stored by {@link Container.checkpoint}; options as those of `tsrun restore`. */
export interface RestoreOptions
  extends StdioOptions,
    ValidateOptions,
    CriuSettings,
    Pick<RestoreRequest, 'tcpClose' | 'lsmProfile' | 'lsmMountContext' | 'noPivot' | 'noNewKeyring'> {
  /** Its name among the containers of the runtime; one that is not taken by default. */
  readonly id?: string
  /** Ends the container, as that of {@link CreateOptions}. */
  readonly signal?: AbortSignal
}
