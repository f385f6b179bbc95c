import { expect, test } from 'vitest'
import { EIO, ENOENT, EPERM, errnoName } from '../../native/abi/errno.ts'
import { PR_SET_DUMPABLE } from '../../native/abi/prctl.ts'
import { CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWUSER } from '../../native/abi/sched.ts'
import {
  CGROUPS,
  ID,
  leftovers,
  plain,
  type Scene,
  scene,
  type SceneVariant,
  variants,
} from '../../testing/scenes/faults.scene.ts'
import type { LoggedCall } from '../../testing/scripted.ts'
import { fileAt } from '../../testing/scripted.ts'
import { Failure, StateError } from '../errors.ts'
import { createContainer } from './create.ts'
import { deleteContainer } from './delete.ts'
import { type ExecRequest, execContainer } from './exec.ts'
import { startContainer } from './start.ts'

const request: ExecRequest = { id: ID, changes: { args: ['tool', 'x'] }, pidFile: '/run/tool.pid' }

/** A running container with a tool in it that ends with 7. */
function running(variant: SceneVariant): Scene {
  const one = scene({ ...variant, script: { ...variant.script, programs: { '/bin/tool': { exit: 7 } } } })
  fileAt(one.host.world.root, '/bundle/rootfs/bin/tool', '', 0o755)
  createContainer(one.runtime, { id: ID, bundle: '/bundle', consoleSocket: one.consoleSocket })
  startContainer(one.runtime, ID)
  one.host.world.settle()
  return one
}

async function attempt(one: Scene, asked = request): Promise<unknown> {
  const outcome = await execContainer(one.runtime, asked).catch(error => error)
  one.host.world.settle()
  return outcome
}

/** Everything but the container itself. */
function left({ host }: Scene): string[] {
  const [, ...others] = host.living()
  return [
    ...host.descriptors().map(text => `descriptor ${text}`),
    ...others.map(text => `process ${text}`),
    ...host.zombies().map(text => `zombie ${text}`),
  ]
}

const signature = ({ who, name, texts }: LoggedCall) => [who, name, ...texts].join(' ')

/** What an exec in such a container calls. */
async function signatures(variant: SceneVariant): Promise<Set<string>> {
  using one = running(variant)
  const before = one.host.world.log.length
  await attempt(one)
  return new Set(calls(one, before).map(signature))
}

const hasPidFile = ({ host }: Scene) => host.below('/run').some(path => path.startsWith('/run/tool.pid'))

const calls = (one: Scene, from: number): LoggedCall[] => one.host.world.log.slice(from)

test.each(variants)('execContainer() $name: the exit code, and nothing is left', async variant => {
  using one = running(variant)
  const before = one.host.world.log.length
  expect(await attempt(one)).toBe(7)
  expect(left(one)).toEqual([])
  expect(hasPidFile(one)).toBe(true)
  const executed = calls(one, before).findLast(({ name }) => name === 'execve')
  expect(executed).toMatchObject({
    who: expect.stringMatching(/tool$|tsrun:exec/),
    texts: expect.arrayContaining(['/bin/tool']),
  })
})

test('the process is not dumpable before it is in the container, and born in the cgroup of that', async () => {
  using one = running(plain)
  const before = one.host.world.log.length
  await attempt(one)
  const log = calls(one, before)
  const at = (name: string, who?: string) =>
    log.findIndex(call => call.name === name && (who === undefined || call.who === who))
  expect(log[at('prctl')]!.args.slice(0, 2)).toEqual([PR_SET_DUMPABLE, 0])
  expect(at('prctl')).toBeLessThan(at('setns'))
  expect(at('setns')).toBeLessThan(at('clone3'))
  const late = log.findIndex(({ name, args }) => name === 'setns' && args[1] === CLONE_NEWCGROUP)
  // In this model the cgroup namespace is another one exactly when that of pids is.
  expect(late).toBeGreaterThan(at('clone3'))
  expect(at('close_range', 'tsrun:exec')).toBeLessThan(at('openat2', 'tsrun:exec'))
})

test.each([
  ['with privileges', {}, false],
  ['without privileges', { uid: 1000 }, true],
])('%s the user namespace is entered where it gives rights that are needed', async (_, script, early) => {
  const name = early ? 'without privileges' : 'with a user namespace'
  using one = running({ ...variants.find(variant => variant.name === name)!, script })
  const before = one.host.world.log.length
  expect(await attempt(one)).toBe(7)
  const first = calls(one, before).find(({ name }) => name === 'setns')!
  expect((first.args[1]! & CLONE_NEWPID) !== 0).toBe(true)
  expect((first.args[1]! & CLONE_NEWUSER) !== 0).toBe(early)
})

test.each([plain, variants[2]!, variants[6]!])(
  'execContainer() $name leaves nothing of its program whichever call fails',
  async variant => {
    using whole = running(variant)
    const before = whole.host.world.log.length
    await attempt(whole)
    const problems: string[] = []
    const known = variant === plain ? new Set() : await signatures(plain)
    for (const entry of calls(whole, before).filter(one => !known.has(signature(one)))) {
      const { number, name } = entry
      for (const errno of [EPERM, ENOENT, EIO]) {
        using one = running(variant)
        one.host.failAt(number, errno)
        const outcome = await attempt(one)
        const call = one.host.world.log[number - 1]!
        if (name === 'wait4') continue // nobody can be told about a child that can not be waited for
        const found = left(one)
        if (outcome instanceof Failure) {
          if (hasPidFile(one) && name !== 'unlinkat') found.push('pid file')
          if (outcome.message.includes('\n')) found.push(outcome.message)
        } else if (outcome !== 7) found.push(`ended with ${outcome}`)
        problems.push(
          ...found.map(text => `${number} ${call.who} ${name} ${call.texts.join(' ')} ${errnoName(errno)}: ${text}`),
        )
      }
    }
    expect(problems).toEqual([])
  },
)

test('a killed planner leaves the program or nothing', async () => {
  using whole = running(plain)
  const before = whole.host.world.log.length
  await attempt(whole, { ...request, detach: true })
  for (const { number } of calls(whole, before)) {
    using one = running(plain)
    one.host.killPlannerAt(number)
    await attempt(one, { ...request, detach: true })
    const [, ...others] = one.host.living()
    expect(others).toEqual([])
  }
})

test('a container that is killed at any moment is a StateError, or the end of the program', async () => {
  using whole = running(plain)
  const before = whole.host.world.log.length
  await attempt(whole)
  for (const { number, who } of calls(whole, before)) {
    if (who === 'planner') continue
    using one = running(plain)
    one.host.killCallerAt(number)
    const outcome = await attempt(one)
    if (!(outcome instanceof Failure)) expect([7, 137]).toContain(outcome)
    expect(left(one)).toEqual([])
  }
})

test('a stopped container and a paused one are refused', async () => {
  using one = running(plain)
  freeze(one, '1')
  expect(await attempt(one)).toMatchObject({ message: expect.stringContaining('paused container') })
  expect(await attempt(one, { ...request, ignorePaused: true })).toBe(7)
  deleteContainer(one.runtime, ID, true)
  expect(await attempt(one)).toBeInstanceOf(StateError)
  expect(leftovers(one.host)).toEqual([])
})

function freeze({ runtime }: Scene, frozen: string): void {
  using fd = runtime.outside.openat(-100, `${CGROUPS}/tsrun-${ID}/cgroup.freeze`, 1)
  runtime.outside.writeText(fd, frozen)
}
