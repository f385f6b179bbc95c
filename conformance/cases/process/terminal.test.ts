// Terminals whose master goes to a console socket: what the program and the receiver see of them.

import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { openConsole, withConsole } from '../../lib/console.ts'
import { type Change, type Container, command, removeLater, runArgs, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have } from '../../lib/machine.ts'
import { eventually, launch, sleep } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const compiler = have('cc')
if (compiler) withConsole()
const it = test.skipIf(!compiler)

/** A shell script with a terminal. */
function onTerminal(script: string, change: Change = () => {}): Change {
  return (config, rootfs) => {
    config.process.terminal = true
    config.process.args = ['sh', '-c', script]
    change(config, rootfs)
  }
}

function begin(change: Change, flags: string[], verb = ['create']): Container {
  const container = tryCreate(makeBundle(change), flags, undefined, verb)
  if (container.created.status !== 0) throw new Error(`${verb[0]}: ${container.created.stderr}`)
  return container
}

/** Everything that a script says on its terminal, up to its end, with the line ends of files. */
function said(script: string, change?: Change): string {
  const terminal = openConsole()
  begin(onTerminal(`${script}; echo the end`, change), ['--console-socket', terminal.socket]).start()
  return terminal
    .until(/the end\r\n/)
    .replace(/the end\r\n$/, '')
    .replaceAll('\r\n', '\n')
    .trim()
}

it('one message with one descriptor comes, before create returns', () => {
  const terminal = openConsole()
  const container = begin(onTerminal('echo running'), ['--console-socket', terminal.socket])
  expect(terminal.received()).toMatch(/^bytes=[1-9]\d* data=.* descriptors=1$/)
  if (isTsrun) expect(terminal.received()).toBe('bytes=9 data=/dev/ptmx descriptors=1')
  expect(terminal.output()).toBe('')
  container.start()
  terminal.until(/running\r\n/)
})

it('the streams are the terminal, which is the first of the container and its console', () => {
  const script = 'tty; for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; stat -L -c "%t %T" /dev/pts/0 /dev/console'
  expect(said(script).split('\n')).toEqual([...Array(4).fill('/dev/pts/0'), '88 0', '88 0'])
})

it('what is written to the console comes out of the terminal', () => {
  expect(said('echo by the console > /dev/console')).toBe('by the console')
})

it('nothing else of the terminal is left open in the program', () => {
  expect(said('ls /proc/self/fd | wc -l')).toBe('4') // 0, 1, 2 and the directory that is listed
})

it('the terminal has nothing of the one that the command runs on', () => {
  // Canonical mode, echo, signals, and \n as \r\n: what the kernel gives a new one.
  expect(said('stty -a')).toMatch(/^opost .* onlcr[\s\S]*^isig icanon iexten echo /m)
})

it('it controls the session of the program, which is in the foreground of it', () => {
  expect(job(said('cat /proc/1/stat'))).toEqual({ group: 1, session: 1, terminal: 136 << 8, foreground: 1 })
})

/** What /proc/PID/stat says of sessions and terminals, see proc_pid_stat(5). */
function job(stat: string): Record<'group' | 'session' | 'terminal' | 'foreground', number> {
  const numbers = stat
    .slice(stat.lastIndexOf(')') + 4)
    .split(' ')
    .map(Number)
  const [, group, session, terminal, foreground] = numbers
  return { group: group!, session: session!, terminal: terminal!, foreground: foreground! }
}

const jobOf = (pid: number) => job(readFileSync(`/proc/${pid}/stat`, 'utf8'))

it('an interactive shell has job control', () => {
  const terminal = openConsole()
  const container = begin(onTerminal('exec sh -i'), ['--console-socket', terminal.socket])
  container.start()
  const { pid } = container.state()
  // Of what the terminal says nothing tells whether the shell has handed it over yet.
  const isInForeground = () => jobOf(pid!).foreground === jobOf(pid!).group
  terminal.until(/# /)
  terminal.type('sleep 1000 &\n')
  terminal.type('fg\n')
  eventually('sleep to be in the foreground', () => !isInForeground())
  terminal.type('\\x1a') // ^Z
  terminal.until(/Stopped/)
  terminal.type('kill %1; wait; echo code=$((40 + 2))\n')
  terminal.until(/code=42/)
  terminal.type('cat\n')
  eventually('cat to be in the foreground', () => !isInForeground())
  terminal.type('\\x03') // ^C
  eventually('the shell to be in the foreground', isInForeground)
  terminal.type('echo code=$?\n')
  terminal.until(/code=130/)
  terminal.type('exit\n')
})

it('the first size is that of consoleSize', () => {
  const change = (config: Config) => {
    config.process['consoleSize'] = { height: 33, width: 101 }
  }
  expect(said('stty size', change)).toBe('33 101')
})

it('without consoleSize the size is the kernel’s', () => {
  expect(said('stty size')).toBe('stty: standard input') // busybox about 0 x 0
})

it('consoleSize says nothing without a terminal', () => {
  const change = (config: Config) => {
    config.process['consoleSize'] = { height: 70000, width: 101 }
  }
  expect(runArgs(['echo', 'hi'], change)).toMatchObject({ status: 0, stdout: 'hi\n' })
})

test.skipIf(!isTsrun)('a size that no terminal can have is an error', () => {
  const change = onTerminal('true', config => {
    config.process['consoleSize'] = { height: 24, width: 65536 }
  })
  const { created } = tryCreate(makeBundle(change))
  expectOneSentence(created, /\/process\/consoleSize\/width: must be between 0 and 65535/)
})

it('a new size reaches the program together with SIGWINCH', () => {
  const terminal = openConsole()
  const script = 'trap "stty size; exit" WINCH; echo waiting; while :; do sleep 0.05; done'
  begin(onTerminal(script), ['--console-socket', terminal.socket]).start()
  terminal.until(/waiting/)
  terminal.resize(40, 120)
  terminal.until(/40 120\r\n/)
})

it('the terminal belongs to the user of the program', () => {
  const change = (config: Config) => {
    config.process.user = { uid: 1000, gid: 1000 }
  }
  const script =
    'id -u; stat -L -c "%u %g %a" /dev/pts/0 /dev/console; echo opened > /dev/pts/0; echo opened > /dev/tty'
  expect(said(script, change).split('\n')).toEqual(['1000', '1000 5 620', '1000 5 620', 'opened', 'opened'])
})

it('in a user namespace too', () => {
  const change = (config: Config) => {
    const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
    config.linux.namespaces.push({ type: 'user' })
    Object.assign(config.linux, { uidMappings: map, gidMappings: map })
    config.process.user = { uid: 7, gid: 8 }
  }
  expect(said('tty; stat -L -c "%u %g" /dev/console', change).split('\n')).toEqual(['/dev/pts/0', '7 5'])
})

it('the root file system may be read-only', () => {
  expect(
    said('tty; touch /x 2>/dev/null || echo refused', config => {
      config.root.readonly = true
    }),
  ).toBe('/dev/pts/0\nrefused')
})

it('run --detach with a console socket', () => {
  const terminal = openConsole()
  const container = begin(
    onTerminal('echo detached; read line; echo got $line'),
    ['--detach', '--console-socket', terminal.socket],
    ['run'],
  )
  terminal.until(/detached/)
  expect(container.state().status).toBe('running')
  terminal.type('this\n')
  terminal.until(/got this/)
  container.until('stopped')
})

test.skipIf(!compiler || isRunc)('the path of the socket may be longer than an address has room for', () => {
  const directory = join(makeDirectory(), 'd'.repeat(120))
  mkdirSync(directory)
  const terminal = openConsole(join(directory, 'console'))
  begin(onTerminal('echo far away'), ['--console-socket', terminal.socket]).start()
  terminal.until(/far away/)
})

it('the receiver hangs up: the program gets SIGHUP', () => {
  const terminal = openConsole()
  const script = 'trap "echo heard > /heard; exit" HUP; echo up; while :; do sleep 0.05; done'
  const container = begin(onTerminal(script), ['--console-socket', terminal.socket])
  container.start()
  terminal.until(/up/)
  terminal.hangUp()
  container.until('stopped')
  expect(readFileSync(join(container.bundle.rootfs, 'heard'), 'utf8')).toBe('heard\n')
})

test.skipIf(!compiler || !isTsrun)(
  'a terminal that is given up before the start does not end the container that waits',
  () => {
    const terminal = openConsole()
    const container = begin(onTerminal('true'), ['--console-socket', terminal.socket])
    terminal.received()
    terminal.type('\\x03')
    terminal.hangUp()
    expect(container.state().status).toBe('created')
    expectOneSentence(container.start(), /ioctl controlling terminal: EIO \(whoever had the other end/)
  },
)

// What does not go together.

test('create wants a console socket for a terminal', () => {
  const { created } = tryCreate(makeBundle(onTerminal('true')))
  expectOneSentence(created, /give --console-socket, or run in the foreground/)
})

test('so does run --detach', () => {
  const { created } = tryCreate(makeBundle(onTerminal('true')), ['--detach'], undefined, ['run'])
  expectOneSentence(created, /give --console-socket, or run in the foreground/)
})

test('a console socket wants a terminal', () => {
  const { created } = tryCreate(makeBundle(), ['--console-socket', join(makeDirectory(), 'none')])
  expectOneSentence(created, /--console-socket is given, but the process has no terminal/, 'crun')
})

test.skipIf(!compiler || !isTsrun)('a receiver that listens a moment after the command began', async () => {
  const path = join(makeDirectory(), 'console')
  const { directory } = makeBundle(onTerminal('true'))
  const created = launch(command('create', '--bundle', directory, '--console-socket', path, removeLater(fresh()))).done
  sleep(100)
  const terminal = openConsole(path)
  expect(await created).toMatchObject({ status: 0, stderr: '' })
  expect(terminal.received()).toMatch(/descriptors=1$/)
})

test('nobody listens at the console socket', () => {
  const flags = ['--console-socket', join(makeDirectory(), 'none')]
  const { created } = tryCreate(makeBundle(onTerminal('true')), flags)
  expectOneSentence(created, /console socket: connect `.*\/none`: ENOENT \(there is no such socket/)
  if (isTsrun) expect(created.stderr).not.toMatch(/no such file or directory/i) // podman's words for the executable
})

test.skipIf(!compiler || !isTsrun)('without a devpts there is no terminal', () => {
  const terminal = openConsole()
  const change = onTerminal('true', config => {
    config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev/pts')
  })
  const { created } = tryCreate(makeBundle(change), ['--console-socket', terminal.socket])
  expectOneSentence(created, /\/process\/terminal: needs a devpts at \/dev\/pts/)
})

test.skipIf(!compiler || !isTsrun)('what looks like a devpts in the image is not used (CVE-2025-52565)', () => {
  const terminal = openConsole()
  const change = onTerminal('true', (config, rootfs) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
    mkdirSync(join(rootfs, 'dev/pts'))
    symlinkSync('/proc/sysrq-trigger', join(rootfs, 'dev/pts/ptmx'))
    symlinkSync('/proc/sysrq-trigger', join(rootfs, 'dev/pts/0'))
  })
  const { created } = tryCreate(makeBundle(change), ['--console-socket', terminal.socket])
  expectOneSentence(created, /\/process\/terminal: needs a devpts at \/dev\/pts/)
})

test.skipIf(!compiler || isCrun)('a link in the place of the console leads nowhere', () => {
  const target = makeDirectory()
  const change = (config: Config, rootfs: string) => {
    // The image's own /dev, with the devpts in it.
    config.mounts = config.mounts.filter(({ destination }) => !/^\/dev(\/shm|\/mqueue)?$/.test(destination))
    mkdirSync(join(rootfs, 'dev/pts'))
    symlinkSync(join(target, 'made'), join(rootfs, 'dev/console'))
  }
  // To refuse it is as good as to cover it, as long as nothing is made on the host.
  const terminal = openConsole()
  const container = tryCreate(makeBundle(onTerminal('echo "$(cat /proc/mounts | grep -c console)"; tty', change)), [
    '--console-socket',
    terminal.socket,
  ])
  if (isTsrun) expect(container.created.status).toBe(0)
  if (container.created.status === 0) {
    container.start()
    terminal.until(/\/dev\/pts\/0/)
  }
  expect(readdirSync(target)).toEqual([])
})
