import { expect, test } from 'vitest'
import { ConfigError, doing, Failure, KernelError } from '../errors.ts'
import { createLog, type LogSettings } from './log.ts'

/** A log with everything that it wrote. */
function record(settings: Partial<LogSettings> = {}) {
  const files: Record<string, string> = {}
  let stderr = ''
  const output = {
    append: (path: string, text: string) => {
      files[path] = (files[path] ?? '') + text
    },
    send: (socket: string, text: string) => {
      files[socket] = (files[socket] ?? '') + text
    },
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text
    },
  }
  const clock = () => new Date('2026-01-02T03:04:05.678Z')
  const log = createLog(output, { file: '/log', format: 'json', level: 'error', ...settings }, clock)
  return { log, files, stderr: () => stderr }
}

test('error() writes one line to stderr and one JSON object to the file', () => {
  const { log, files, stderr } = record()
  log.error(new Failure('it broke'))
  expect(stderr()).toBe('tsrun: it broke\n')
  expect(files['/log']).toBe(
    '{"msg":"it broke","level":"error","time":"2026-01-02T03:04:05.678000000Z","kind":"failure"}\n',
  )
})

test('error() says what it knows about a failed system call', () => {
  const { log, files } = record()
  log.error(doing('create `web`', () => new KernelError('mount', 1, '`/proc`', 'not in this user namespace')))
  expect(JSON.parse(files['/log']!)).toMatchObject({
    msg: 'create `web`: mount `/proc`: EPERM (not in this user namespace)',
    kind: 'kernel',
    syscall: 'mount',
    errno: 1,
    code: 'EPERM',
    subject: '`/proc`',
    hint: 'not in this user namespace',
  })
})

test('error() gives the place in config.json', () => {
  const { log, files } = record()
  log.error(new ConfigError('it is empty', '/process/args'))
  expect(JSON.parse(files['/log']!)).toMatchObject({ kind: 'config', pointer: '/process/args' })
})

test('error() prints failures of the clean-up beside the failure, and keeps to one JSON object', () => {
  const { log, files, stderr } = record()
  const failure = new Failure('it broke')
  failure.cleanup.push(new Failure('it could not be swept up'))
  log.error(failure)
  expect(stderr()).toBe('tsrun: it broke\ntsrun: also: it could not be swept up\n')
  expect(JSON.parse(files['/log']!)).toMatchObject({ msg: 'it broke', cleanup: ['it could not be swept up'] })
})

test('error() marks what is no failure as a mistake of the program, with its place', () => {
  const { log, files, stderr } = record()
  log.error(new TypeError('x is undefined'))
  expect(stderr()).toBe('tsrun: internal error: TypeError: x is undefined\n')
  expect(JSON.parse(files['/log']!)).toMatchObject({ kind: 'internal', stack: expect.stringContaining('log.test.ts') })
})

test('a second error does not spoil the file', () => {
  const { log, files, stderr } = record()
  log.error(new Failure('one'))
  log.error(new Failure('two'))
  expect(JSON.parse(files['/log']!)).toMatchObject({ msg: 'one' })
  expect(stderr()).toBe('tsrun: one\ntsrun: two\n')
})

test('without a failure there is no file', () => {
  const { log, files } = record({ level: 'info' })
  log.warning('careful')
  log.info('by the way')
  expect(files).toEqual({})
})

test('a warning goes to the file when all has gone well, and not to stderr', () => {
  const { log, files, stderr } = record({ level: 'warning' })
  log.warning('careful')
  expect(files).toEqual({})
  log.end()
  expect(JSON.parse(files['/log']!)).toMatchObject({ msg: 'careful', level: 'warning' })
  expect(stderr()).toBe('')
})

test('an error is alone in the file, whatever was warned of', () => {
  const { log, files } = record({ level: 'warning' })
  log.warning('careful')
  log.error(new Failure('one'))
  log.end()
  expect(JSON.parse(files['/log']!)).toMatchObject({ msg: 'one' })
})

test.each([
  ['error', ''],
  ['warning', 'tsrun: warning: w\n'],
  ['info', 'tsrun: warning: w\ntsrun: info: i\n'],
] as const)('at level %s stderr shows what is at least as important', (level, text) => {
  const { log, stderr } = record({ level, file: undefined })
  log.warning('w')
  log.info('i')
  log.debug('d')
  expect(stderr()).toBe(text)
})

test('at level debug everything goes to the file, one object per line', () => {
  const { log, files, stderr } = record({ level: 'debug' })
  log.debug('d')
  log.warning('w')
  const lines = files['/log']!.trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line))).toMatchObject([
    { msg: 'd', level: 'debug' },
    { msg: 'w', level: 'warning' },
  ])
  expect(stderr()).toBe('')
})

test('at level debug without a file everything goes to stderr', () => {
  const { log, stderr } = record({ level: 'debug', file: undefined })
  log.debug('d')
  expect(stderr()).toBe('tsrun: debug: d\n')
})

test('debug() takes several messages, each of which is a line', () => {
  const { log, files } = record({ level: 'debug' })
  log.debug('one', 'two')
  expect(
    files['/log']!.trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).msg),
  ).toEqual(['one', 'two'])
  const without = record({ level: 'debug', file: undefined })
  without.log.debug('one', 'two')
  expect(without.stderr()).toBe('tsrun: debug: one\ntsrun: debug: two\n')
})

test('a daemon gets what a file would, a datagram each', () => {
  const { log, files } = record({ file: undefined, daemon: { name: 'syslog', id: 'c1' } })
  const failure = new Failure('it broke')
  failure.cleanup.push(new Failure('it could not be swept up'))
  log.warning('beware')
  log.error(failure)
  expect(files).toEqual({ '/dev/log': '<11>c1: it broke<11>c1: also: it could not be swept up' })
})

test('the text format has a line per message', () => {
  const { log, files } = record({ format: 'text' })
  const failure = new Failure('it broke')
  failure.cleanup.push(new Failure('and more'))
  log.error(failure)
  expect(files['/log']).toBe(
    [
      'time="2026-01-02T03:04:05.678000000Z" level=error msg="it broke"\n',
      'time="2026-01-02T03:04:05.678000000Z" level=error msg="also: and more"\n',
    ].join(''),
  )
})

test('no message can begin a line of its own or reach the terminal with an escape', () => {
  const { log, files, stderr } = record({ format: 'text' })
  log.error(new Failure('mount `/a\ntsrun: all is well\x1b[2J`'))
  expect(stderr()).toBe('tsrun: mount `/a\\x0atsrun: all is well\\x1b[2J`\n')
  expect(files['/log']!.trimEnd().split('\n')).toHaveLength(1)
})

test('a log file that can not be written does not hide the error', () => {
  let stderr = ''
  const output = {
    append: () => {
      throw new KernelError('openat', 2, '`/missing/log`')
    },
    send: () => {},
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text
    },
  }
  createLog(output, { file: '/missing/log', format: 'json', level: 'error' }).error(new Failure('it broke'))
  expect(stderr).toBe('tsrun: it broke\ntsrun: --log: openat `/missing/log`: ENOENT\n')
})

test('open() makes the file, and what keeps it from that is told once', () => {
  const { log, files } = record()
  log.open()
  expect(files['/log']).toBe('')

  const tries: string[] = []
  let stderr = ''
  const output = {
    append: (path: string) => {
      tries.push(path)
      throw new KernelError('openat', 2, `\`${path}\``)
    },
    send: () => {},
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text
    },
  }
  const missing = createLog(output, { file: '/missing/log', format: 'json', level: 'error' })
  expect(() => missing.open()).toThrow('openat `/missing/log`: ENOENT')
  missing.error(new Failure('--log: openat `/missing/log`: ENOENT'))
  expect([stderr, tries]).toEqual(['tsrun: --log: openat `/missing/log`: ENOENT\n', ['/missing/log']])
})
