// Standard streams that lead out of the container: the program's user can open them, and nothing else of the host's
// becomes that user's.

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, createRunning, removeLater } from '../../lib/container.ts'
import { eventually, must } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const UID = 1234
const WRITE = 'echo out >/dev/stdout; echo err >/proc/self/fd/2'

/** A container of a user, whose program is this script. */
function bundleOf(script: string, change: (config: Config) => void = () => {}): Bundle {
  return makeBundle(config => {
    config.process.user = { uid: UID, gid: UID }
    config.process.args = ['sh', '-c', script]
    change(config)
  })
}

/** A command line for a shell that runs it, with these flags. */
function words(bundle: Bundle, verb: string[] = ['run']): string {
  return command(...verb, '--bundle', bundle.directory, removeLater(fresh())).join(' ')
}

const shell = (script: string) => must(['bash', '-c', script])
/** A foreground run of runc has a pipe for each stream, which it copies in no order. */
const sorted = (text: string) => text.split('\n').filter(Boolean).sort().join(' ')

test('pipes can be opened by the user of the program', () => {
  expect(sorted(shell(`${words(bundleOf(WRITE))} 2>&1 | cat`))).toBe('err out')
  expect(shell(`echo in | ${words(bundleOf('cat /dev/stdin'))} | cat`)).toBe('in\n')
})

test.each([
  ['run', ['run']],
  ['run --detach', ['run', '--detach']],
  ['create', ['create']],
])('a file can be opened by the user of the program: %s', (_, verb) => {
  const file = join(makeDirectory(), 'log')
  const line = words(bundleOf(WRITE), verb)
  shell(`umask 077; ${line} </dev/null >${file} 2>&1`)
  if (verb[0] === 'create') must(command('start', line.split(' ').at(-1)!))
  expect(eventually('the program to write', () => readFileSync(file, 'utf8').includes('err'))).toBe(true)
  // A foreground run of runc has pipes in between.
  if (!isRunc || line.includes('--detach') || verb[0] === 'create') expect(statSync(file).uid).toBe(UID)
})

test.each([[[]], [['--detach']]])('exec gives the streams to the user of the exec: %s', flags => {
  const container = createRunning()
  const file = join(makeDirectory(), 'log')
  const exec = command('exec', ...flags, '--user', '77:77', container.id, 'sh', '-c').join(' ')
  expect(shell(`${exec} 'echo piped >/dev/stdout' | cat`)).toBe('piped\n')
  shell(`umask 077; ${exec} 'echo filed >/dev/stdout' >${file}`)
  eventually('the program to write', () => readFileSync(file, 'utf8').includes('filed'))
  if (!isRunc) expect(statSync(file).uid).toBe(77)
})

test('a terminal of the container can be opened by the user of the program', () => {
  const bundle = bundleOf('echo out >/dev/stdout; echo console >/dev/console; stat -Lc %u /proc/self/fd/1', config => {
    config.process.terminal = true
  })
  const out = must(['script', '-qec', words(bundle), '/dev/null'])
  expect(out.replace(/\r|\^@/g, '')).toContain(`out\nconsole\n${UID}\n`)
})

const mapped = (config: Config) => {
  config.linux.namespaces.push({ type: 'user' })
  config.linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
  config.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
}

// crun leaves a pipe alone whose maker is not in the namespace.
test.skipIf(isCrun).each([0, UID])('in a user namespace, too: user %i', uid => {
  const bundle = bundleOf(WRITE, config => {
    mapped(config)
    config.process.user.uid = uid
  })
  must(['chown', '-hR', '200000:200000', bundle.rootfs])
  expect(sorted(shell(`${words(bundle)} 2>&1 | cat`))).toBe('err out')
})

// The peers' exec enters the user namespace first, where whoever made the pipe is nobody.
test.skipIf(!isTsrun)('in a user namespace, too: exec', () => {
  const container = createRunning((config, rootfs) => {
    mapped(config)
    must(['chown', '-hR', '200000:200000', rootfs])
  })
  const exec = command('exec', '--detach', '--user', '77', container.id, 'sh', '-c').join(' ')
  expect(shell(`${exec} 'echo piped >/dev/stdout' | cat`)).toBe('piped\n')
})

test('a closed stream and one that can not be given away keep nobody from running', () => {
  const bundle = bundleOf('exit 7', mapped)
  must(['chown', '-hR', '200000:200000', bundle.rootfs])
  expect(shell(`${words(bundle)} </ || echo $?`)).toBe('7\n')
})

// runc gives away every device but the null device, crun directories.
test.skipIf(!isTsrun)('devices and directories of the host stay whose they are', () => {
  const directory = makeDirectory()
  for (const path of ['/dev/null', '/dev/zero', '/dev/full', directory]) {
    shell(`${words(bundleOf('true'), ['run', '--detach'])} <${path} >/dev/null 2>&1`)
    expect(statSync(path).uid).toBe(0)
  }
})

// Its owner could open it for writing, which is more than the program was given. The peers give it away.
test.skipIf(!isTsrun)('a file that is given for reading can not be written by the program', () => {
  const file = join(makeDirectory(), 'data')
  writeFileSync(file, 'untouched\n')
  const bundle = bundleOf('cat /dev/stdin; echo written >/proc/self/fd/0; chmod 777 /proc/self/fd/0')
  expect(shell(`${words(bundle)} <${file} 2>/dev/null || :`)).toBe('untouched\n')
  expect(readFileSync(file, 'utf8')).toBe('untouched\n')
  expect(statSync(file).uid).toBe(0)
})

test('a here-document can be opened, whoever made it', () => {
  const file = join(makeDirectory(), 'data')
  const line = words(bundleOf('cat /dev/stdin'))
  expect(shell(`umask 077; echo text >${file}; exec <${file}; rm ${file}; ${line} | cat`)).toBe('text\n')
})

/** The words in a terminal of their own; `$TTY` is its name. */
function inTerminal(script: string): string {
  const file = join(makeDirectory(), 'script')
  writeFileSync(file, `TTY=$(tty)\n${script}`)
  chmodSync(file, 0o755)
  return must(['script', '-qec', `bash ${file}`, '/dev/null']).replaceAll('\r', '')
}

// crun leaves the terminal alone; runc has pipes in between.
test.skipIf(isCrun)('our own terminal can be opened as long as we wait, and is ours again then', () => {
  expect(sorted(inTerminal(`${words(bundleOf(WRITE))}; stat -c %u $TTY`))).toBe('0 err out')
  const { id } = createRunning()
  const exec = command('exec', '--user', '77:77', id, 'sh', '-c').join(' ')
  expect(sorted(inTerminal(`${exec} '${WRITE}'; stat -c %u $TTY`))).toBe('0 err out')
})

// runc gives it away for good.
test.skipIf(isRunc)('our own terminal stays ours when nobody waits', () => {
  expect(inTerminal(`${words(bundleOf('true'), ['run', '--detach'])}; stat -c %u $TTY`)).toBe('0\n')
})

test.skipIf(isCrun)('a foreground terminal ends lines as the program does where no terminal shows them', () => {
  const bundle = makeBundle(config => {
    config.process.terminal = true
    config.process.args = ['printf', 'a\\nb\\n']
  })
  const file = join(makeDirectory(), 'out')
  // Without the echo of the end of the input.
  const written = () => readFileSync(file, 'utf8').replace('^@', '')
  must(['script', '-qec', `${words(bundle)} >${file}`, '/dev/null'])
  expect(written()).toBe('a\nb\n')
  const { id } = createRunning()
  must(['script', '-qec', `${command('exec', '-t', id, 'printf', "'a\\nb\\n'").join(' ')} >${file}`, '/dev/null'])
  expect(written()).toBe('a\nb\n')
  expect(must(['script', '-qec', words(bundle), '/dev/null'])).toContain('a\r\nb\r\n')
})
