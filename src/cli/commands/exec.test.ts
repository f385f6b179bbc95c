import { expect, test } from 'vitest'
import { UsageError } from '../../errors.ts'
import type { OptionsOf } from '../line/options.ts'
import { parse } from '../line/parse.ts'
import { execRequest } from './exec.ts'

/** What a command line asks for. */
function request(...words: string[]) {
  const parsed = parse(['exec', ...words])
  if ('misuse' in parsed) throw parsed.misuse
  const [id, ...args] = parsed.positionals
  return execRequest(parsed.options as unknown as OptionsOf<'exec'>, id!, args)
}

test('words behind the id belong to the command', () => {
  expect(request('-t', 'web', 'ls', '-l', '--cwd', '/')).toMatchObject({
    id: 'web',
    changes: { args: ['ls', '-l', '--cwd', '/'], cwd: undefined, terminal: true },
  })
})

test('every option finds its place', () => {
  const flags = ['-d', '--pid-file=p', '--console-socket=c', '--pidfd-socket=s', '--preserve-fds=2', '--cgroup=sub']
  const changes = [
    '--cwd=/w',
    '-eA=b',
    '-e',
    'C=',
    '-u',
    '1:2',
    '-g3',
    '--no-new-privs',
    '--process-label=l',
    '--apparmor=a',
  ]
  expect(request(...flags, ...changes, '--ignore-paused', 'web', 'ls')).toEqual({
    id: 'web',
    processFile: undefined,
    detach: true,
    pidFile: 'p',
    consoleSocket: 'c',
    pidfdSocket: 's',
    preserveFds: 2,
    cgroup: 'sub',
    ignorePaused: true,
    changes: {
      args: ['ls'],
      cwd: '/w',
      env: ['A=b', 'C='],
      uid: 1,
      gid: 2,
      additionalGids: [3],
      terminal: false,
      noNewPrivileges: true,
      selinuxLabel: 'l',
      apparmorProfile: 'a',
      capabilities: undefined,
    },
  })
})

test('the line of podman and containerd', () => {
  expect(request('--pid-file', 'p', '--process', 'f', '--detach', 'web')).toMatchObject({
    processFile: 'f',
    detach: true,
    pidFile: 'p',
  })
})

test('empty values are none', () => {
  expect(request('--pid-file=', '--cwd=', '--user=', '--cgroup=', '--process=', 'web', 'ls')).toMatchObject({
    pidFile: undefined,
    processFile: undefined,
    cgroup: undefined,
    changes: { cwd: undefined },
  })
})

test('--cap adds like --cap-add, lists are split, and NONE is nothing', () => {
  const capabilities = (...flags: string[]) => request(...flags, 'web', 'ls').changes.capabilities
  expect(capabilities('-c', 'A', '--cap-add', 'B,C')).toEqual({ add: ['A', 'B', 'C'], drop: [] })
  expect(capabilities('--cap-drop', 'all')).toEqual({ add: [], drop: ['all'] })
  expect(capabilities('--cap-set', 'A', '--cap-set=B')).toEqual({ add: [], drop: [], set: ['A', 'B'] })
  expect(capabilities('--cap-set', 'none')).toEqual({ add: [], drop: [], set: [] })
})

test('a command beside --process is left out', () => {
  expect(request('--process', 'f', 'web', 'ls')).toMatchObject({ processFile: 'f', changes: {} })
  expect(request('--process', 'f', 'web', 'ls').changes).not.toHaveProperty('args')
})

test('fewer descriptors than none are none', () => {
  expect(request('--preserve-fds', '-1', 'web', 'ls')).toMatchObject({ preserveFds: 0 })
  expect(() => request('--preserve-fds', '2147483648', 'web', 'ls')).toThrow(/no process has 2147483648 descriptors/)
})

test.each([
  [['web'], /command/],
  [['--user', 'root', 'web', 'ls'], /--user.*`root`/],
  [['--user', '0 ', 'web', 'ls'], /--user/],
  [['--user', '4294967295', 'web', 'ls'], /--user/],
  [['--user', '1:2:3', 'web', 'ls'], /--user/],
  [['--additional-gids', '-1', 'web', 'ls'], /--additional-gids/],
  [['--env', 'A', 'web', 'ls'], /--env/],
  [['--env', '=A', 'web', 'ls'], /--env/],
  [['--cwd', 'a', 'web', 'ls'], /--cwd/],
  [['--cgroup', 'cpu:x', 'web', 'ls'], /controllers/],
  [['--cgroup', 'a', '--cgroup', 'b', 'web', 'ls'], /once/],
])('%j is a wrong command line', (words, message) => {
  expect(() => request(...words)).toThrow(UsageError)
  expect(() => request(...words)).toThrow(message)
})
