import { O_APPEND } from '../../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../../native/fd.ts'
import { doing } from '../../errors.ts'
import { openOutput } from '../../host/callersFiles.ts'
import { hookFileAnnotations } from '../../plan/annotations.ts'
import type { Runtime } from '../../runtime.ts'
import type { HookSubject } from '../../state/ociState.ts'

/** Files for what hooks print, when annotations name them. */
export interface HookFiles {
  readonly stdout: Fd<'outside'> | undefined
  readonly stderr: Fd<'outside'> | undefined
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
    const file = fds.keep(doing(name, () => openOutput(outside, absolute(path), 0o600)))
    outside.setStatusFlags(file, O_APPEND) // a hook waits for whoever reads what it prints
    return file
  }
  return { stdout: open(hookFileAnnotations.stdout), stderr: open(hookFileAnnotations.stderr) }
}
