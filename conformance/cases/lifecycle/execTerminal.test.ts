// `exec` with a terminal, on a console socket and in the foreground; and --pidfd-socket.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { openConsole, withConsole } from '../../lib/console.ts'
import { command, createRunning } from '../../lib/container.ts'
import { exec, expectNoProgram } from '../../lib/exec.ts'
import { have, isAlive } from '../../lib/machine.ts'
import { PIDFD_RECEIVER, python } from '../../lib/pidfd.ts'
import { eventually, launch } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { openScreen } from '../../lib/tmux.ts'

leavesNothing()

const compiler = have('cc')
if (compiler) withConsole()
const onConsole = test.skipIf(!compiler)

onConsole('the terminal of a detached exec comes through the console socket', () => {
  const container = createRunning()
  const terminal = openConsole()
  const pidFile = join(makeDirectory(), 'pid')
  const words = ['sh', '-c', 'tty; stat -c %u $(tty); read line; echo "got $line"']
  const flags = ['--tty', '--detach', '--user', '1000:1000', '--console-socket', terminal.socket, '--pid-file', pidFile]
  expect(exec(container, words, flags)).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
  expect(terminal.received()).toMatch(/descriptors=1/)
  expect(terminal.until(/1000\r\n/)).toBe('/dev/pts/0\r\n1000\r\n')
  terminal.type('hello\n')
  terminal.until(/got hello\r\n/)
  eventually('the program to end', () => !isAlive(Number(readFileSync(pidFile, 'utf8'))))
})

onConsole('the terminal of a process file has its size, and is the one of the session', () => {
  const container = createRunning()
  const terminal = openConsole()
  const file = join(makeDirectory(), 'process.json')
  const args = ['sh', '-c', 'stty size; echo beside > /dev/tty; exec sleep 100']
  const consoleSize = { height: 33, width: 77 }
  writeFileSync(file, JSON.stringify({ terminal: true, consoleSize, args, env: ['PATH=/bin'], cwd: '/' }))
  const flags = ['--process', file, '--detach', '--console-socket', terminal.socket]
  expect(exec(container, [], flags).status).toBe(0)
  terminal.until(/33 77\r\nbeside\r\n/)
})

test('a terminal that nobody would hold, and a console socket without a terminal, are errors', () => {
  const container = createRunning()
  expectNoProgram(exec(container, ['true'], ['-t', '-d']), /terminal/, 'crun', 'runc')
  expectNoProgram(exec(container, ['true'], ['--console-socket', '/no/socket']), /console-socket/, 'crun', 'runc')
  expectNoProgram(
    exec(container, ['true'], ['-t', '-d', '--console-socket', '/no/socket']),
    /console socket.*\/no\//,
    'crun',
  )
})

const inTmux = test.skipIf(!have('tmux'))

inTmux('exec -t in the foreground: keys, size, exit code, and our terminal as it was', () => {
  const container = createRunning()
  const screen = openScreen(90, 28)
  screen.enter(`stty -a > ${container.bundle.directory}/before`)
  screen.enter(command('exec', '-t', container.id, 'sh').join(' '))
  screen.enter('stty size; tty')
  screen.until(/^28 90$/)
  screen.until(/^\/dev\/pts\/0$/)
  screen.enter('sleep 1000')
  screen.press('C-c')
  screen.enter('echo code=$?')
  screen.until(/^code=130$/)
  screen.enter('exit 9')
  screen.enter('echo outer=$?')
  screen.until(/^outer=9$/)
  screen.enter(`stty -a > ${container.bundle.directory}/after`)
  const [before, after] = ['before', 'after'].map(name => join(container.bundle.directory, name))
  eventually('the settings', () => existsSync(after!) && readFileSync(after!, 'utf8'))
  expect(readFileSync(after!, 'utf8')).toBe(readFileSync(before!, 'utf8'))
})

test.skipIf(isCrun || !python)("--pidfd-socket gets the program's pidfd (crun has no such option)", async () => {
  const container = createRunning()
  const directory = makeDirectory()
  const socket = join(directory, 'pidfd')
  const receiver = launch(['python3', '-c', PIDFD_RECEIVER, socket])
  await receiver.speaks
  const pidFile = join(directory, 'pid')
  const flags = ['--detach', '--pid-file', pidFile, '--pidfd-socket', socket]
  expect(exec(container, ['sleep', '1000'], flags).status).toBe(0)
  const pid = readFileSync(pidFile, 'utf8')
  const { stdout } = await receiver.done
  // The receiver may be faster than the start of the program.
  if (isTsrun) expect(stdout).toBe(`ready\nsetns ${pid}\n`)
  eventually('the program to end', () => !isAlive(Number(pid)))
  expect(container.state().status).toBe('running')
})
