import { EPERM } from '../../../native/abi/errno.ts'
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from '../../../native/abi/seccomp.ts'
import type { SeccompAction } from '../../../spec/generated/config.ts'

interface ActionRow {
  /** What the filter returns. */
  readonly value: number
  /** The largest number that may go with it; undefined: it takes none. */
  readonly most?: number
  /** Later kernels' calls get through, or somebody decides about them: no ENOSYS is to come before that. */
  readonly open?: true
}

/** MAX_ERRNO of the kernel, which cuts larger ones down to it. */
const MAX_ERRNO = 4095

export const actions: Readonly<Record<SeccompAction, ActionRow>> = {
  SCMP_ACT_ALLOW: { value: SECCOMP_RET_ALLOW, open: true },
  SCMP_ACT_ERRNO: { value: SECCOMP_RET_ERRNO, most: MAX_ERRNO },
  SCMP_ACT_KILL: { value: SECCOMP_RET_KILL_THREAD },
  SCMP_ACT_KILL_PROCESS: { value: SECCOMP_RET_KILL_PROCESS },
  SCMP_ACT_KILL_THREAD: { value: SECCOMP_RET_KILL_THREAD },
  SCMP_ACT_LOG: { value: SECCOMP_RET_LOG, open: true },
  SCMP_ACT_NOTIFY: { value: SECCOMP_RET_USER_NOTIF, open: true },
  SCMP_ACT_TRACE: { value: SECCOMP_RET_TRACE, most: 0xffff, open: true },
  SCMP_ACT_TRAP: { value: SECCOMP_RET_TRAP },
}

/** What the filter returns for an action; `errno` is EPERM where none is given. */
export function answer(action: SeccompAction, errno: number | undefined): number {
  const { value, most } = actions[action]
  return most === undefined ? value : value + (errno ?? EPERM)
}
