import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Runtime } from '../runtime.ts'

interface WithPidFile {
  /** Relative to the current directory. */
  readonly pidFile?: string | undefined
}

/** The pid as decimal digits and nothing else; conmon and containerd read it when the command has ended. */
export function writePidFile({ outside, absolute }: Runtime, { pidFile }: WithPidFile, pid: number): void {
  if (pidFile !== undefined) outside.replaceFile(AT_FDCWD, absolute(pidFile), String(pid), 0o644)
}

/** Takes back what writePidFile() did, when there is no such process after all. */
export function removePidFile({ outside, absolute }: Runtime, { pidFile }: WithPidFile): void {
  if (pidFile !== undefined) outside.unlink(AT_FDCWD, absolute(pidFile))
}
