import { expect, test } from 'vitest'
import { EIO, ENOENT, ENOMEM, EPERM, errnoName } from '../../native/abi/errno.ts'
import { PR_SET_NO_NEW_PRIVS } from '../../native/abi/prctl.ts'
import { SIOCSIFFLAGS } from '../../native/abi/socket.ts'
import { TIOCGPTPEER, TIOCSCTTY, TIOCSPTLCK, TIOCSWINSZ } from '../../native/abi/termios.ts'
import { createContainer } from '../../src/container/create.ts'
import { deleteContainer } from '../../src/container/delete.ts'
import { runContainer } from '../../src/container/run.ts'
import { startContainer } from '../../src/container/start.ts'
import { ConfigError, Failure, HostError, StateError, UsageError } from '../../src/errors.ts'
import type { LoggedCall, ScriptedHost } from '../scripted.ts'
import { ID, leftovers, onLinux7, plain, ROOT, type Scene, type SceneVariant, scene, variants } from './faults.scene.ts'

const request = { id: ID, bundle: '/bundle', pidFile: '/run/web.pid' }
const create = ({ runtime, consoleSocket }: Scene) => createContainer(runtime, { ...request, consoleSocket })
const start = ({ runtime }: Scene) => startContainer(runtime, ID)
const remove = ({ runtime }: Scene) => deleteContainer(runtime, ID, true)

/** How a run ended: the failure, or nothing. Everybody else has gone on until nothing more could happen. */
function outcome(one: Scene, work: (one: Scene) => void): unknown {
  try {
    work(one)
    return undefined
  } catch (error) {
    return error
  } finally {
    one.host.world.settle()
  }
}

/** A hook's own calls are seen through its exit code only; posix_spawn reports what the execve in it said. */
const IN_OTHER_WORDS = ['executable', 'executor died', 'not ours to write', 'exit code 127', 'execve']

/** Is this what a user may get to read about a failed call? Says what is wrong with it. */
function fault(error: unknown, call: LoggedCall): string[] {
  if (!(error instanceof Failure)) return [`no Failure but ${error}`]
  if (error.message.includes('\n')) return [`more than one line: ${error.message}`]
  const translated = [ConfigError, HostError, StateError, UsageError].some(type => error instanceof type)
  const named = [call.name, ...IN_OTHER_WORDS].some(words => error.message.includes(words))
  return translated || named ? [] : [`does not name the call: ${error.message}`]
}

function describe(call: LoggedCall, what: string): string {
  return `${call.number} ${call.who} ${call.name} ${call.texts.join(' ').slice(0, 40)} ${what}`
}

/** Calls that nobody can be told about: a child that can not be waited for stays. */
const hopeless = (call: LoggedCall) => call.name === 'wait4'

interface Trial {
  readonly variant: SceneVariant
  readonly errnos: readonly number[]
  /** Only calls for which this holds. */
  readonly which?: (call: LoggedCall) => boolean
  before?(one: Scene): void
  work(one: Scene): void
}

/** The calls that `work` makes. */
function calls({ variant, before, work, which = () => true }: Trial): LoggedCall[] {
  using whole = scene(variant)
  before?.(whole)
  const first = whole.host.world.log.length
  work(whole)
  whole.host.world.settle()
  return whole.host.world.log.slice(first).filter(which)
}

/** Lets call after call fail and gives a list of everything that is not as it should be. */
function failures(trial: Trial): string[] {
  const { variant, errnos, before, work } = trial
  const tried = calls(trial)
  expect(tried.length).toBeGreaterThan(4)
  return tried.flatMap(({ number }) =>
    errnos.flatMap(errno => {
      using one = scene(variant)
      before?.(one)
      one.host.failAt(number, errno)
      const error = outcome(one, work)
      const call = one.host.world.log[number - 1]!
      if (hopeless(call)) return []
      const found = [...(error === undefined ? [] : fault(error, call)), ...after(one, error)]
      return found.map(text => describe(call, `${errnoName(errno)}: ${text}`))
    }),
  )
}

const signature = ({ who, name, texts }: LoggedCall) => [who, name, ...texts].join(' ')

/** Is this a call that the plain configuration does not make? */
function novel(): (call: LoggedCall) => boolean {
  const known = new Set(calls({ variant: plain, errnos: [], work: create }).map(signature))
  return call => !known.has(signature(call))
}

/** A container that was made can be deleted, and of one that was not nothing is left. */
function after(one: Scene, error: unknown): string[] {
  if (error !== undefined) return leftovers(one.host)
  const open = one.host.descriptors()
  const removal = outcome(one, remove)
  return [...open, ...(removal === undefined ? [] : [`delete: ${removal}`]), ...leftovers(one.host)]
}

test.each([...variants, onLinux7])(
  'createContainer() $name: the first process waits, and nothing else is left',
  variant => {
    using one = scene(variant)
    expect(outcome(one, create)).toBeUndefined()
    const { host } = one
    expect(host.living()).toEqual([expect.stringMatching(/^\d+ tsrun:init$/)])
    expect([host.descriptors(), host.zombies()]).toEqual([[], []])
    expect(host.below(ROOT).sort()).toEqual([
      `${ROOT}/web`,
      `${ROOT}/web/config.json`,
      `${ROOT}/web/start`,
      `${ROOT}/web/state.json`,
    ])
    const last = host.world.log.filter(({ who }) => who === 'tsrun:init').at(-1)
    expect(last).toMatchObject({ name: 'accept4', result: undefined })
  },
)

/** Positions in the log: `at(name, text)` is the first call of that name with that string among its arguments. */
function reader({ world }: ScriptedHost) {
  const matches = (name: string, text?: string) => (entry: LoggedCall) =>
    entry.name === name && (text === undefined || entry.texts.includes(text))
  const position = (found: LoggedCall | undefined, what: string) => {
    if (found === undefined) throw new Error(`the log has no ${what}`)
    return found.number
  }
  return {
    at: (name: string, text?: string) => position(world.log.find(matches(name, text)), `${name} ${text}`),
    last: (name: string, text?: string) => position(world.log.findLast(matches(name, text)), `${name} ${text}`),
    prctl: (option: number) =>
      position(
        world.log.find(({ name, args }) => name === 'prctl' && args[0] === option),
        `prctl ${option}`,
      ),
  }
}

function expectAscending(...numbers: number[]): void {
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
}

test('the container is complete before it is announced, and the keeper goes last', () => {
  using one = scene(plain)
  create(one)
  const { at, last } = reader(one.host)
  expectAscending(
    at('mkdirat', ID), // the directory: from here on the name is taken
    at('mkdirat', 'tsrun-web'),
    at('clone3'),
    at('mount', '/'), // nothing that is mounted may get back to the host
    at('move_mount'),
    at('pivot_root'),
    at('umount2', '.'),
    last('mount_setattr'), // the root becomes read-only when nothing has to be made in it any more
    at('bind'),
    at('renameat2', 'state.json'),
    at('renameat2', 'web.pid'),
    last('write', '\0'.repeat(8)),
    last('write', '\u0001'),
  )
  expectAscending(at('clone3'), last('bpf'), at('renameat2', 'state.json')) // filtered before any program is there
  expect(last('move_mount')).toBeLessThan(at('pivot_root')) // masks are laid before the null device is out of reach
})

test('id maps are written before anybody changes to an id, by the planner', () => {
  using one = scene(variants.find(({ name }) => name === 'with a user namespace')!)
  create(one)
  const { last, at } = reader(one.host)
  const map = one.host.world.log[last('write', '0 100000 65536\n') - 1]
  expect(map?.who).toBe('planner')
  expectAscending(map!.number, at('setresgid'), at('setresuid'), at('move_mount'))
})

test('the tail takes the identity in the order that the kernel demands', () => {
  using one = scene(plain)
  create(one)
  start(one)
  const { at, last, prctl } = reader(one.host)
  expectAscending(
    at('keyctl'), // errors of it belong to create
    at('accept4'),
    last('umask'),
    at('setgroups'),
    at('setresgid'),
    at('setresuid'),
    at('capset'),
    prctl(PR_SET_NO_NEW_PRIVS),
    at('execve', '/bin/sh'),
  )
  expect(one.host.living()).toEqual([expect.stringContaining('/bin/sh')])
})

test('the terminal is given away before the create ends, and becomes that of the session when the program runs', () => {
  using one = scene(variants.find(({ name }) => name === 'with a terminal')!)
  create(one)
  start(one)
  const { at, last } = reader(one.host)
  const requests = [TIOCSPTLCK, TIOCGPTPEER, TIOCSWINSZ, TIOCSCTTY].map(
    request => one.host.world.log.find(({ name, args }) => name === 'ioctl' && args[1] === request)!.number,
  )
  const [unlock, peer, size, control] = requests
  expectAscending(at('pivot_root'), at('openat2', 'ptmx'), unlock!, peer!, size!, at('sendmsg'), last('dup3'))
  expectAscending(at('sendmsg'), at('renameat2', 'state.json'), at('accept4'), control!, at('setresuid'))
})

test('without a terminal no call is about one', () => {
  using one = scene(plain)
  create(one)
  start(one)
  const about = one.host.world.log.filter(
    ({ name, args }) => name === 'sendmsg' || (name === 'ioctl' && args[1] !== SIOCSIFFLAGS),
  )
  expect(about).toEqual([])
})

test('a hook in the container is waited for by its pid', () => {
  using one = scene(variants.find(({ name }) => name === 'with hooks')!)
  create(one)
  const { log } = one.host.world
  const hooks = log.filter(({ name, who, texts }) => name === 'execve' && who === 'tsrun:init' && texts[0] === '/hook')
  const waits = log.filter(({ name, who }) => name === 'wait4' && who === 'tsrun:init')
  expect(hooks.length).toBe(1)
  expect(waits.map(({ args }) => args[0])).toEqual(hooks.map(({ pid }) => pid))
})

test('createContainer() takes everything back whichever call fails', () => {
  expect(failures({ variant: plain, errnos: [EPERM, ENOENT, EIO], work: create })).toEqual([])
})

test.each([...variants.slice(1), onLinux7])('createContainer() $name takes everything back too', variant => {
  expect(failures({ variant, errnos: [EPERM, ENOENT, ENOMEM, EIO], which: novel(), work: create })).toEqual([])
})

/** Either the container is there as if nothing had happened, or nothing of it. */
function half(one: Scene): string[] {
  const left = leftovers(one.host)
  if (!left.includes(`${ROOT}/web/state.json`)) return left
  const processes = left.filter(text => text.startsWith('process'))
  return processes.length === 1 && processes[0]!.endsWith('tsrun:init') ? [] : left
}

interface Murder {
  readonly variant: SceneVariant
  readonly which?: (call: LoggedCall) => boolean
  kill(host: ScriptedHost, n: number): void
  /** What is not as it should be. */
  judge(one: Scene, error: unknown): string[]
}

/** Kills somebody before call after call of a create. */
function kills({ variant, which = () => true, kill, judge }: Murder): string[] {
  return calls({ variant, errnos: [], work: create, which }).flatMap(({ number }) => {
    using one = scene(variant)
    kill(one.host, number)
    const error = outcome(one, create)
    const call = one.host.world.log[number - 1]!
    return judge(one, error).map(text => describe(call, text))
  })
}

const hooked = variants[1]!
const schedules = [hooked, { ...hooked, name: 'while others run at once', script: { eager: true } }]

test.each(schedules)('a killed planner leaves a whole container or nothing, $name', variant => {
  const problems = kills({ variant, kill: (host, n) => host.killPlannerAt(n), judge: half })
  expect(problems).toEqual([])
})

test.each([...variants.slice(2), onLinux7])('a killed planner leaves nothing, $name', variant => {
  const problems = kills({ variant, which: novel(), kill: (host, n) => host.killPlannerAt(n), judge: half })
  expect(problems).toEqual([])
})

test.each([hooked, variants[3]!])('a killed first process is a failure, never a hang, $name', variant => {
  const problems = kills({
    variant,
    which: ({ who }) => who === 'tsrun:init',
    kill: (host, n) => host.killCallerAt(n),
    judge(one, error) {
      // Once it waits for `start`, its end is no matter of create: the container has stopped.
      if (error === undefined) return after(one, undefined)
      return error instanceof Failure ? leftovers(one.host) : [`ended with ${error}`]
    },
  })
  expect(problems).toEqual([])
})

/** Before it makes a call, and when the call has taken effect but its result is lost. */
const moments: [string, Murder['kill']][] = [
  ['before', (host, n) => host.killCallerAt(n)],
  ['in', (host, n) => host.killCallerIn(n)],
]

test.each(
  moments.flatMap(([when, kill]) => [plain, hooked].map(variant => [when, variant.name, kill, variant] as const)),
)(
  'an executor killed %s a call is a failure that leaves nothing, or the container is whole, %s',
  (_when, _name, kill, variant) => {
    const problems = kills({
      variant,
      which: ({ who }) => who !== 'planner' && who !== 'tsrun:init',
      kill,
      judge(one, error) {
        if (error === undefined) return after(one, undefined)
        return error instanceof Failure ? leftovers(one.host) : [`ended with ${error}`]
      },
    })
    expect(problems).toEqual([])
  },
)

/** A command that failed leaves no descriptor open, and `delete --force` takes back the rest. */
function orRemove(work: (one: Scene) => void): (one: Scene) => void {
  return one => {
    try {
      work(one)
    } catch (error) {
      if (one.host.descriptors().length > 0) throw new Error(`left open: ${one.host.descriptors()}`)
      one.host.world.settle()
      remove(one)
      throw error
    }
  }
}

test('startContainer() says which call failed, and delete takes the container back', () => {
  const problems = failures({ variant: hooked, errnos: [EIO], before: create, work: orRemove(start) })
  expect(problems).toEqual([])
})

test('a deleteContainer() that failed can be repeated', () => {
  const problems = failures({ variant: plain, errnos: [EPERM, EIO], before: create, work: orRemove(remove) })
  expect(problems).toEqual([])
})

const whole: SceneVariant = {
  name: 'run',
  config: { ...plain.config, hooks: { poststart: [{ path: '/hook' }], poststop: [{ path: '/hook' }] } },
  script: { programs: { '/bin/sh': { exit: 3 } } },
}

/** In the foreground of a terminal that we hold. */
const onTerminal: SceneVariant = {
  ...whole,
  name: 'run with a terminal',
  config: { ...whole.config, process: { ...whole.config.process!, terminal: true } },
}

test.each([whole, onTerminal])('runContainer() gives the exit code and leaves nothing, $name', async variant => {
  using one = scene(variant)
  expect(await runContainer(one.runtime, request)).toBe(3)
  expect(leftovers(one.host)).toEqual([])
})

test.each([whole, onTerminal])('runContainer() takes everything back whichever call fails, $name', async variant => {
  using first = scene(variant)
  await runContainer(first.runtime, request)
  const { log } = first.host.world
  const supervised = log.find(({ name }) => name === 'poll')!.number
  const known = novel()
  const problems: string[] = []
  for (const { number } of log.filter(known)) {
    using one = scene(variant)
    one.host.failAt(number, EIO)
    const error = await runContainer(one.runtime, request).catch(reason => reason)
    one.host.world.settle()
    const call = one.host.world.log[number - 1]!
    if (hopeless(call)) continue
    // When the program has ended and what is left can not be removed, that is told and left for delete.
    if (number > supervised) remove(one)
    const found = [...(error instanceof Error ? fault(error, call) : []), ...leftovers(one.host)]
    problems.push(...found.map(text => describe(call, text)))
  }
  expect(problems).toEqual([])
})
