import { spawnSync } from 'node:child_process'
import type { Subject } from './results.ts'
import { onPath } from './runtimes.ts'

/** bubblewrap, the sandbox of Flatpak: it makes no cgroup, device filter or state, and has no other commands than a `run`. */
export interface Bubblewrap {
  readonly subject: Subject
  /** The words that run /bin/true in a sandbox like the bundle's container. */
  command(rootfs: string): string[]
}

/** As the bundle has it, where bubblewrap can: namespaces, file systems, no capability, a hostname. */
const SANDBOX = [
  ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup'],
  ...['--proc', '/proc', '--dev', '/dev', '--mqueue', '/dev/mqueue', '--remount-ro', '/'],
  ...['--hostname', 'bench', '--cap-drop', 'ALL', '--new-session', '--as-pid-1'],
]

/** Undefined where it is not installed. */
export function findBubblewrap(): Bubblewrap | undefined {
  const program = onPath('bwrap')
  if (program === undefined) return undefined
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return {
    subject: { name: 'bubblewrap', label: stdout.trim(), kind: 'peer' },
    command: rootfs => [program, '--bind', rootfs, '/', ...SANDBOX, '--', '/bin/true'],
  }
}
