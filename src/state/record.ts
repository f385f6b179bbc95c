import type { MountInput } from '../plan/mounts/mounts.ts'

/** The form of `state.json`. What a later form adds, older programs must be able to do without, or the number grows. */
export const RECORD_VERSION = 1

/** What is kept about a container between commands: `state.json` in its directory, see readRecord.ts. */
export interface ContainerRecord {
  /** RECORD_VERSION of who wrote it; absent in those of programs before there was one. */
  readonly version?: number
  readonly id: string
  readonly ociVersion: string
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** Absolute path of the root file system. */
  readonly rootfs: string
  /** When it was created, RFC 3339. */
  readonly created: string
  /** The id of the user who created it. */
  readonly uid: number
  /** The first process, as the runtime's pid namespace numbers it. */
  readonly pid: number
  /** Field 22 of /proc/PID/stat, which tells the process from a later one with the same pid. */
  readonly startTime: string
  /** Absolute path of its cgroup directory. */
  readonly cgroup?: string
  /** The kernel's id of that directory, its inode number, which tells it from a later one of that name. */
  readonly cgroupId?: string
  /** Absolute paths of its own directories in resctrl, innermost first. */
  readonly resctrl?: readonly string[]
  /** The unit of systemd that the cgroup belongs to. */
  readonly unit?: string
  /** It is in the pid namespace of the caller or of another container, so the death of its first process does not end it. */
  readonly sharedPidNamespace?: boolean
  /** config.json has no process, so the container can not be started. */
  readonly withoutProcess?: boolean
  /** Its first process hands over a socket for sd_notify(3). */
  readonly notifies?: boolean
  /** Where that is in the container. */
  readonly notifyDirectory?: string
  /** Its config.json has hooks that run after create: poststart or poststop. */
  readonly laterHooks?: boolean
  /** How it ended, when the runtime was the parent of its first process and has kept the container: 128 + n for signal n. */
  readonly exitCode?: number
  /** linux.resources as updates have left them: JSON, as a text since its numbers may have 64 bits. */
  readonly resources?: string
  /** The name of its session keyring, which nobody else is to know. */
  readonly keyring?: string
  /** It runs in the session keyring of whoever created it. */
  readonly noNewKeyring?: boolean
  /** Mounts that were added after create, oldest first. */
  readonly mounts?: readonly AddedMount[]
  /** Destinations of config.json's mounts that were taken away since. */
  readonly unmounted?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** A mount that came into a running container. */
export interface AddedMount {
  /** Absolute and clean, in the container. */
  readonly destination: string
  /** The kernel's id of it, a decimal number. */
  readonly mountId: string
  /** The entry that asked for it, as in config.json. */
  readonly entry: MountInput
}

/** Where a container is in its life; runtime.md#state, and `paused` as runc and crun add it. */
export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped'

/** Names in a container's directory. */
export const STATE_FILE = 'state.json'
export const CONFIG_FILE = 'config.json'
/** The name that the first process has until its program runs, see PR_SET_NAME in prctl(2). */
export const INIT_NAME = 'tsrun:init'
/** The socket on which a created container waits for `start`; its presence makes the container `created`. */
export const START_SOCKET = 'start'
/** Everything that may lie in a container's directory. */
export const FILES = [STATE_FILE, `${STATE_FILE}.tmp`, CONFIG_FILE, START_SOCKET] as const
