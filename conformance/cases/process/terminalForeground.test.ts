// Terminals in the foreground: `run` joins its own streams to the terminal of the program.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bundle, makeBundle } from '../../lib/bundle.ts'
import { command, createRunning, oci, removeLater, runBundle, stateOf } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have } from '../../lib/machine.ts'
import { eventually, launch, must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { openScreen, type Screen } from '../../lib/tmux.ts'

leavesNothing()

const it = test.skipIf(!have('tmux'))
/** runc wants a terminal for its own standard streams; crun forgets some of what comes after. */
const piped = test.skipIf(!isTsrun)

function bundleOf(...args: string[]): Bundle {
  return makeBundle(config => {
    config.process.terminal = true
    config.process.args = args
    config.process.env.push('TERM=screen', 'PS1=inner# ')
  })
}

const script = (text: string) => bundleOf('sh', '-c', text)

/** Types the command that runs it at the shell's prompt; gives the container's id. */
function runOn(screen: Screen, bundle: Bundle): string {
  const id = removeLater(fresh())
  screen.enter(`cd ${bundle.directory}; ${command('run', id).join(' ')}; echo code=$?.`)
  return id
}

/** The settings of the outer terminal, as the shell sees them between two commands. */
function settings(screen: Screen): string {
  const file = join('/tmp', fresh('stty'))
  screen.enter(`stty -g > ${file}; echo written''.`)
  screen.until(/^written\.$/)
  const text = readFileSync(file, 'utf8')
  must(['rm', file])
  screen.enter('clear')
  screen.until(/^outer\$$/)
  return text
}

/** The process that the shell runs in its foreground. */
function foregroundOf(screen: Screen): number {
  const found = eventually('a command in the foreground', () => {
    const children = readFileSync(`/proc/${screen.shell}/task/${screen.shell}/children`, 'utf8').trim()
    return Number(children.split(' ')[0])
  })
  return found
}

test.skipIf(!have('tmux') || isCrun)('the first size is that of our terminal, and each new one is passed on', () => {
  const screen = openScreen(90, 25)
  runOn(screen, script('echo size=$(stty size).; trap "echo now=\\$(stty size)." WINCH; read x; exit 0'))
  screen.until(/^size=25 90\.$/)
  screen.resize(70, 20)
  screen.until(/^now=20 70\.$/)
  screen.enter('')
  screen.until(/^code=0\.$/)
})

it('a shell, its keys and its exit code; our terminal is as it was', () => {
  const screen = openScreen()
  const before = settings(screen)
  runOn(screen, bundleOf('sh', '-i'))
  screen.until(/^inner#/)
  const jobs: [start: string, key: string, seen: RegExp][] = [
    ['sleep 1001', 'C-c', /^inner-130\.$/],
    ['sleep 1002', 'C-\\', /^inner-131\.$/],
    ['sleep 1003', 'C-z', /^inner-1[45][58]\.$/],
  ]
  for (const [start, key, seen] of jobs) {
    screen.enter(start)
    eventually(`${start} to run`, () => run(['pgrep', '-fx', start]).status === 0)
    screen.press(key)
    screen.enter('echo inner-$?.')
    screen.until(seen)
  }
  screen.enter('jobs')
  screen.until(/Stopped +sleep 1003/)
  screen.enter('kill %1; fg; exit 7')
  screen.until(/^code=7\.$/)
  expect(settings(screen)).toBe(before)
})

it('an editor of whole screens works, and draws itself again when the size changes', () => {
  const screen = openScreen(80, 24)
  const bundle = bundleOf('vi', '/notes')
  writeFileSync(join(bundle.rootfs, 'notes'), 'first\nsecond\nthird\n')
  runOn(screen, bundle)
  screen.until(/^first$/)
  screen.until(/^- \/notes 1\/3/)
  expect(screen.lines()[3]).toBe('~')
  screen.resize(60, 15)
  eventually('vi to fill the new screen', () => screen.lines()[14]?.startsWith('- /notes'))
  screen.type('Gonew line')
  screen.until(/^I \/notes/)
  screen.press('Escape')
  screen.until(/^- \/notes/)
  screen.type(':wq')
  screen.press('Enter')
  screen.until(/^code=0\.$/)
  expect(readFileSync(join(bundle.rootfs, 'notes'), 'utf8')).toBe('first\nsecond\nthird\nnew line\n')
})

it('a signal to the command goes to the program, and our terminal is as it was', () => {
  const screen = openScreen()
  const before = settings(screen)
  const id = runOn(screen, script('trap "echo told; exit 3" TERM; echo ready; while :; do sleep 0.05; done'))
  screen.until(/^ready$/)
  process.kill(foregroundOf(screen), 'SIGTERM')
  screen.until(/^told$/)
  screen.until(/^code=3\.$/)
  expect(() => stateOf(id)).toThrow()
  expect(settings(screen)).toBe(before)
})

it('a program that does not run leaves our terminal as it was', () => {
  const screen = openScreen()
  const before = settings(screen)
  // The first fails before the program starts, the second in its execve(2).
  runOn(screen, bundleOf('missing'))
  screen.until(/^code=(1|127)\.$/)
  expect(settings(screen)).toBe(before)
  const broken = bundleOf('/broken')
  writeFileSync(join(broken.rootfs, 'broken'), '#!/no/such/interpreter\n', { mode: 0o755 })
  runOn(screen, broken)
  screen.until(/^code=(1|126|127|255)\.$/)
  expect(settings(screen)).toBe(before)
})

test.skipIf(!have('tmux') || !isTsrun)(
  'stopped from outside the command gives the terminal to the shell, and takes it again',
  () => {
    const screen = openScreen()
    const before = settings(screen)
    runOn(screen, bundleOf('sh', '-i'))
    screen.until(/^inner#/)
    for (const signal of ['SIGTSTP', 'SIGSTOP'] as const) {
      process.kill(foregroundOf(screen), signal)
      screen.until(/Stopped/)
      if (signal === 'SIGTSTP') expect(settings(screen)).toBe(before)
      const width = signal === 'SIGTSTP' ? 70 : 75
      screen.resize(width, 20)
      screen.enter('clear')
      screen.enter('fg')
      screen.until(/run/)
      screen.enter('echo inner-$(stty size).')
      screen.until(new RegExp(`^inner-20 ${width}\\.$`))
      screen.press('C-c')
      screen.enter(`echo still $((6 * 7)).`)
      screen.until(/^still 42\.$/)
      screen.enter('clear')
      eventually('a clear screen', () => !screen.lines().some(line => line.startsWith('still')))
    }
    screen.enter('exit 5')
    screen.until(/^outer\$/)
    expect(settings(screen)).toBe(before)
  },
)

test.skipIf(!have('tmux') || !isTsrun)('in the background the command waits for the foreground before it reads', () => {
  const screen = openScreen()
  const id = removeLater(fresh())
  const bundle = script('echo begun; read line; echo got $line')
  screen.enter(`cd ${bundle.directory}; ${command('run', id).join(' ')} &`)
  // The shell tells of it before its next prompt, and for nobody else the container is busy.
  eventually('the command to be stopped', () => {
    screen.enter('jobs')
    return screen.lines().some(line => /^\[1\]\+ +Stopped/.test(line))
  })
  expect(stateOf(id).status).toBe('running')
  screen.enter('fg')
  screen.until(/^begun$/)
  screen.enter('words')
  screen.until(/^got words$/)
  screen.until(/^outer\$$/)
})

it('exec --tty: a second terminal of the container, for a program beside the first', () => {
  const screen = openScreen(90, 25)
  const before = settings(screen)
  const container = createRunning()
  const words = command('exec', '--tty', '--env', "'PS1=inner# '", container.id, 'sh', '-i')
  screen.enter(`${words.join(' ')}; echo code=$?.`)
  screen.until(/^inner#/)
  screen.enter('echo tty=$(tty) size=$(stty size).')
  screen.until(/^tty=\/dev\/pts\/0 size=25 90\.$/)
  screen.enter('test -e /dev/console || echo no console.')
  screen.until(/^no console\.$/)
  screen.resize(70, 20)
  screen.enter('sleep 1004')
  eventually('sleep to run', () => run(['pgrep', '-fx', 'sleep 1004']).status === 0)
  screen.press('C-c')
  screen.enter('echo inner-$? $(stty size).')
  screen.until(/^inner-130 20 70\.$/)
  screen.enter('exit 6')
  screen.until(/^code=6\.$/)
  expect(settings(screen)).toBe(before)
})

piped('without a terminal of our own: output, exit code, and the size of consoleSize', () => {
  const bundle = script('tty; stty size; echo err >&2; exit 9')
  bundle.config.process['consoleSize'] = { height: 10, width: 20 }
  bundle.save()
  const { status, stdout, stderr } = runBundle(bundle)
  expect([status, stdout, stderr]).toEqual([9, '/dev/pts/0\n10 20\nerr\n', ''])
})

piped.each([
  ['a line', 'by pipe\n'],
  ['half a line', 'by pipe'],
  ['nothing', ''],
])('the end of a pipe is the end for who reads line by line: %s', (_, input) => {
  const { status, stdout } = runBundle(script('cat | tr a-z A-Z; echo; echo end'), { input })
  expect(status).toBe(0)
  // The echo of the input comes somewhere before.
  expect(stdout).toMatch(input === '' ? /^\nend\n$/ : /BY PIPE\n+end\n$/)
})

/** Types at once, in a terminal of its own, and prints what a command says there. */
const KEYBOARD = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp('sh', ['sh', '-c', sys.argv[2]])
os.write(terminal, sys.argv[1].encode())
try:
    while True: os.write(1, os.read(terminal, 4096))
except OSError: os.waitpid(pid, 0)
`

test.skipIf(!isTsrun || !have('python3'))(
  'lines and the end of input that were typed before the command reads (peers: a NUL)',
  () => {
    const bundle = script('tr a-z A-Z; echo end')
    const words = command('run', '--bundle', bundle.directory, removeLater(fresh())).join(' ')
    const typed = (input: string) => must(['python3', '-c', KEYBOARD, input, `stty -echo; sleep 1; ${words}`])
    expect(typed('\x04').replaceAll('\r', '')).toBe('end\n')
    expect(typed('one\ntwo\n\x04').replaceAll('\r', '')).toMatch(/ONE\nTWO\nend\n$/)
  },
)

piped('all output arrives, also at a slow reader', () => {
  const bundle = script('i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done')
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh())).join(' ')
  const out = must(['sh', '-c', `${words} < /dev/null | (sleep 1; cat)`])
  const lines = out.split('\n')
  expect(lines.length).toBe(20_001)
  expect(lines.at(-2)).toBe('line 19999 of many')
})

piped('when nobody reads the output any more, the program loses its terminal', () => {
  const bundle = script('trap "echo heard > /heard; exit 4" HUP; while :; do echo more; sleep 0.01; done')
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh())).join(' ')
  expect(
    must([
      'sh',
      '-c',
      `(${words} < /dev/null; echo code=$? >&2) 2>&1 >&3 3>&- | cat`.replace('>&3 3>&-', '| head -n 1'),
    ]),
  ).toMatch(/more/)
  eventually('the program to hear of it', () => run(['test', '-s', join(bundle.rootfs, 'heard')]).status === 0)
})

piped('a program that nobody waits for any more can be told to end while its output is stuck', async () => {
  const bundle = script(
    'i=0; while [ $i -lt 3000 ]; do echo "line $i of many lines of output"; i=$((i+1)); done & sleep 0.5; exit 6',
  )
  const id = removeLater(fresh())
  const running = launch(command('run', '--bundle', bundle.directory, id))
  running.child.stdout!.pause()
  eventually('the program to end', () => {
    const { stdout } = oci(['state', id])
    return stdout.includes('"stopped"')
  })
  running.child.kill('SIGTERM')
  running.child.stdout!.resume()
  const { status } = await running.done
  expect(status).toBe(6)
})

test('a console socket does not do without a terminal', () => {
  const bundle = makeBundle()
  const result = runBundle(bundle, {}, ['--console-socket', '/nowhere'])
  expectOneSentence(result, /--console-socket is given, but the process has no terminal/, 'crun')
  expect(isRunc || isTsrun || result.status !== null).toBe(true)
})
