import { ELOOP, ENOENT, ENOTDIR, EPERM } from '../../native/abi/errno.ts'
import {
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_RDWR,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/abi/fcntl.ts'
import { DEVPTS_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'
import { ConfigError, doing } from '../errors.ts'
import type { TerminalPlan } from '../plan/process/terminal.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'
import { type ConsoleRoute, deliverMaster } from './consoleRoute.ts'
import { SAME } from './streams.ts'

// A terminal for a process in a container, for create and exec alike:
//
//   1. checkConsole()       does the command line fit `process.terminal`?                               consoleRoute.ts
//   2. openConsoleRoute()   before the executor is launched; `route.passedFd` becomes one of its passed descriptors      consoleRoute.ts
//   3. giveTerminal()       in the container's mount namespace, as the root of its user namespace, in a session of
//                           its own, before closeAllBut()
//   4. bindConsole()        create only: makes it /dev/console
//   5. in the foreground, `route.receive()` once that has been flushed, and ForegroundTerminal with it
//
// The last step is in becomeProcess(): the terminal becomes that of the session as late as the program runs, so nobody who
// closes it or types ^C before can end the process that waits for `start`.

const masterHints = {
  ENOSPC: 'there are too many terminals, see /proc/sys/kernel/pty/max and the option `max` of the devpts',
  EACCES: 'the devpts gives the container no right to its ptmx; mount it with `ptmxmode=0666`',
}

/**
 * Makes the executor open a pseudo-terminal of the container's own devpts, hand its master to whom `route` leads, and use
 * its other end for the standard streams. Returns that end. Nothing in the container's root is believed: the directory is
 * asked whether it is the root of a devpts, where nobody can make or replace a file, and the other end comes from the
 * master and not from its path (CVE-2025-52565).
 */
export function giveTerminal(
  executor: Executor,
  root: ContainerRoot,
  { size }: TerminalPlan,
  uid: number,
  route: ConsoleRoute,
): Fd<'inside'> {
  return doing('terminal', () => {
    const { kernel: inside } = executor
    const flags = O_RDWR | O_NOCTTY
    const resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS
    const master = inside.openat2(openDevpts(root), 'ptmx', flags, resolve, undefined, masterHints).take()
    inside.unlockPeer(master)
    const peer = inside.openPeer(master).take()
    if (size) inside.setWindowSize(master, size)
    // Refused where an id of it is not one of the container's: then it is the host's devpts, and the streams must do.
    inside.fchownat(peer, '', uid, SAME, [EPERM])
    deliverMaster(executor, route, master)
    // Above the streams, of which the caller may have closed one.
    const above = inside.duplicate(peer, 3).take()
    for (const stream of [0, 1, 2]) inside.dup3(above, stream, 0)
    return above
  })
}

function openDevpts(root: ContainerRoot): Fd<'inside'> {
  const directory = root.open('/dev/pts', O_DIRECTORY, 0, [ENOENT, ENOTDIR, ELOOP])
  if (!directory.exists || root.inside.fileSystemType(directory) !== DEVPTS_SUPER_MAGIC)
    throw new ConfigError('needs a devpts at /dev/pts; add one to `mounts`', '/process/terminal')
  return directory
}

/** Binds the terminal on /dev/console, see config-linux.md#default-devices. A link of that name is covered, not followed. */
export function bindConsole(root: ContainerRoot, peer: Fd<'inside'>): void {
  doing('device `/dev/console`', () => {
    const { inside } = root
    const mount = inside.openTree(peer, '', false).take()
    inside.moveMount(mount, root.file('/dev/console', O_NOFOLLOW))
  })
}
