import { AT_FDCWD, O_APPEND, O_CREAT, O_WRONLY } from '../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import { doing } from '../errors.ts'
import { hookFileAnnotations } from '../plan/annotations.ts'
import type { Runtime } from '../runtime.ts'
import type { HookSubject } from './state.ts'

/** Files for what hooks print, when annotations name them. */
export interface HookFiles {
  readonly stdout: Fd | undefined
  readonly stderr: Fd | undefined
}

/** Opens the files that annotations name, to append. Errors: KernelError with the annotation. */
export function openHookFiles(
  { outside, absolute }: Runtime,
  { annotations }: Pick<HookSubject, 'annotations'>,
  fds: Fds,
): HookFiles {
  const open = (name: string) => {
    const path = annotations?.[name]
    if (path === undefined) return undefined
    const file = doing(name, () => outside.openat(AT_FDCWD, absolute(path), O_WRONLY | O_CREAT | O_APPEND, 0o600))
    return fds.keep(file)
  }
  return { stdout: open(hookFileAnnotations.stdout), stderr: open(hookFileAnnotations.stderr) }
}
