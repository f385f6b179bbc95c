import type { Fd, Fds } from '../../native/fd.ts'
import { doing } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { connectSocket } from './unixSocket.ts'

/** Connects to who wants the pidfd of a process, before there is one. The path is relative to the current directory. */
export function openPidfdSocket(
  { outside, absolute }: Runtime,
  path: string | undefined,
  fds: Fds,
): Fd<'outside'> | undefined {
  if (path === undefined) return undefined
  return fds.keep(doing('--pidfd-socket', () => connectSocket(outside, absolute(path), {})))
}

/**
 * Sends it: one message with the descriptor. Its text tells what process it is, as runc's does: `standard` for the first
 * one of a container, `setns` for one of exec.
 */
export function sendPidfd(
  { outside }: Runtime,
  socket: Fd<'outside'> | undefined,
  kind: 'standard' | 'setns',
  pidfd: Fd<'outside'>,
): void {
  if (socket) doing('--pidfd-socket', () => outside.sendDescriptor(socket, kind, pidfd))
}
