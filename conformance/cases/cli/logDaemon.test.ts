// --log journald:ID and syslog:ID: the failure arrives at the daemon's socket. The sockets are those of a mount namespace.

import { expect, test } from 'vitest'
import { command } from '../../lib/container.ts'
import { isRoot } from '../../lib/machine.ts'
import { python } from '../../lib/pidfd.ts'
import { run } from '../../lib/run.ts'
import { isRunc, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Binds the socket, runs a command and prints its exit code and what arrived, line by line. */
const LISTENER = `
import os, socket, subprocess, sys
path = sys.argv[1]
os.makedirs(os.path.dirname(path), exist_ok=True)
daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
daemon.bind(path)
daemon.settimeout(5)
print(subprocess.run(sys.argv[2:], stderr=subprocess.DEVNULL).returncode, flush=True)
print(daemon.recv(65536).decode())
`

/** /run and /dev are empty but for what the runtime opens. */
const VIEW = 'mount -t tmpfs none /run; mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; exec "$@"'

function heard(socket: string, words: string[]): string[] {
  const listener = ['python3', '-c', LISTENER, socket, ...words]
  const { stdout } = run(['unshare', '-m', 'sh', '-ec', VIEW, 'view', ...listener])
  return stdout.trim().split('\n')
}

const it = test.skipIf(isRunc || !isRoot || !python)

it('--log journald:ID has the failure in the journal (runc: no such destination)', () => {
  const lines = heard('/run/systemd/journal/socket', command('--log', 'journald:c1', 'start', 'missing'))
  expect(lines[0]).toBe('1')
  expect(lines).toEqual(
    expect.arrayContaining([
      'PRIORITY=3',
      expect.stringMatching(/^ID=(c1|missing)$/),
      expect.stringMatching(/^MESSAGE=.*missing/),
    ]),
  )
})

it('--log syslog:ID has it in the log of the system (runc: no such destination)', () => {
  const [code, line] = heard('/dev/log', command('--log', 'syslog:c1', 'start', 'missing'))
  expect(code).toBe('1')
  expect(line).toMatch(/^<11>.*c1.*: .*missing/)
})

test.skipIf(!isTsrun || !isRoot)('a daemon that is not there is told beside the failure (tsrun only)', () => {
  const words = command('--log', 'journald:c1', 'start', 'missing')
  const { status, stderr } = run(['unshare', '-m', 'sh', '-ec', VIEW, 'view', ...words])
  expect(status).toBe(1)
  expect(stderr).toMatch(/start `missing`: .*\ntsrun: --log: connect .*nobody listens there/)
})
