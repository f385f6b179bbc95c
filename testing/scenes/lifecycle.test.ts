import { expect, test } from 'vitest'
import { SIGTERM } from '../../native/abi/signal.ts'
import { ExecutorCalls } from '../../native/kernels/executor.ts'
import type { Call } from '../../native/kernels/machine.ts'
import type { Config } from '../../spec/generated/config.ts'
import { createContainer } from '../../src/container/create.ts'
import { deleteContainer } from '../../src/container/delete.ts'
import { killContainer } from '../../src/container/kill.ts'
import { listContainers } from '../../src/container/list.ts'
import { startContainer } from '../../src/container/start.ts'
import { StateError } from '../../src/errors.ts'
import { containerState } from '../../src/state/ociState.ts'
import { CGROUPS, ID, leftovers, plain, type Scene, scene } from './faults.scene.ts'

const request = { id: ID, bundle: '/bundle' }

function created(
  hooks: Config['hooks'] = {},
  programs: NonNullable<Scene['host']['world']['script']['programs']> = {},
): Scene {
  const one = scene({ config: { ...plain.config, hooks }, script: { programs } })
  createContainer(one.runtime, request)
  return one
}

test('a container is created, runs, has stopped, and is gone', () => {
  using one = created()
  const { runtime, host } = one
  expect(containerState(runtime, ID)).toMatchObject({ id: ID, status: 'created', bundle: '/bundle', owner: 'root' })
  startContainer(runtime, ID)
  expect(containerState(runtime, ID).status).toBe('running')
  killContainer(runtime, ID, 9, false)
  expect(containerState(runtime, ID)).toMatchObject({ status: 'stopped', pid: 0 })
  expect(listContainers(runtime).map(({ id }) => id)).toEqual([ID])
  deleteContainer(runtime, ID, false)
  expect([leftovers(host), listContainers(runtime)]).toEqual([[], []])
})

test('commands that do not fit the state are refused and change nothing', () => {
  using one = created()
  const { runtime } = one
  expect(() => createContainer(runtime, request)).toThrow('already exists')
  startContainer(runtime, ID)
  expect(() => startContainer(runtime, ID)).toThrow('cannot start an already running container')
  expect(() => deleteContainer(runtime, ID, false)).toThrow('not stopped: running')
  expect(containerState(runtime, ID).status).toBe('running')
  killContainer(runtime, ID, 9, false)
  expect(() => startContainer(runtime, ID)).toThrow('cannot start a container that has stopped')
  expect(() => killContainer(runtime, ID, SIGTERM, false)).toThrow(StateError)
  expect(one.host.descriptors()).toEqual([])
})

test('a container that does not exist is an error, but for a forced delete', () => {
  using one = scene(plain)
  expect(() => startContainer(one.runtime, 'none')).toThrow('container `none` does not exist')
  expect(() => deleteContainer(one.runtime, 'none', false)).toThrow('container `none` does not exist')
  expect(() => deleteContainer(one.runtime, 'none', true)).not.toThrow()
})

test('the first process does not die of a signal that it could handle, other processes do', () => {
  using one = created()
  startContainer(one.runtime, ID)
  killContainer(one.runtime, ID, SIGTERM, false)
  expect(containerState(one.runtime, ID).status).toBe('running')
})

test('kill with all reaches every process of the cgroup, and thaws it again', () => {
  using one = created()
  const { runtime, host } = one
  startContainer(runtime, ID)
  const other = host.world.newProcess('other', undefined)
  other.cgroup = host.world.cgroups.children.get(`tsrun-${ID}`)
  killContainer(runtime, ID, SIGTERM, true)
  expect(other.status).toBe(SIGTERM)
  const freezes = host.world.log.filter(({ name, texts }) => name === 'write' && ['0', '1'].includes(texts[0]!))
  expect(freezes.slice(-2).map(({ texts }) => texts[0])).toEqual(['1', '0'])
})

test('delete takes the cgroups that the container made below its own', () => {
  using one = created()
  const { runtime, host } = one
  runtime.outside.mkdirat(-100, `${CGROUPS}/tsrun-${ID}/inner`, 0o755)
  deleteContainer(runtime, ID, true)
  expect(leftovers(host)).toEqual([])
})

test('a hook that fails says what it said, and the container is gone', () => {
  using one = scene({
    config: { ...plain.config, hooks: { createRuntime: [{ path: '/hook' }] } },
    script: { programs: { '/hook': { exit: 4, says: 'no\ngood\n' } } },
  })
  expect(() => createContainer(one.runtime, request)).toThrow(
    'error running createRuntime hook #0: `/hook`: exit code 4; it said: no | good',
  )
  expect(leftovers(one.host)).toEqual([])
})

test('a hook that is missing is named', () => {
  using one = scene({ ...plain, config: { ...plain.config, hooks: { prestart: [{ path: '/none' }] } } })
  expect(() => createContainer(one.runtime, request)).toThrow('error running prestart hook #0: `/none`: execve: ENOENT')
})

test.each(['createRuntime', 'createContainer'] as const)('a %s hook that takes too long is killed', kind => {
  using one = scene({
    ...plain,
    config: { ...plain.config, hooks: { [kind]: [{ path: '/bin/forever', timeout: 2 }] } },
  })
  one.runtime.outside.mkdirat(-100, '/bin', 0o755)
  one.runtime.outside.mknodat(-100, '/bin/forever', 0o100755, 0)
  expect(() => createContainer(one.runtime, request)).toThrow(
    `error running ${kind} hook #0: \`/bin/forever\`: killed after its timeout of 2 s`,
  )
  expect(leftovers(one.host)).toEqual([])
})

test('a poststart hook that fails stops and removes the container', () => {
  using one = created({ poststart: [{ path: '/hook' }] }, { '/hook': { exit: 1 } })
  expect(() => startContainer(one.runtime, ID)).toThrow('error running poststart hook #0:')
  expect(leftovers(one.host)).toEqual([])
})

test('a poststop hook that fails is a warning', () => {
  using one = created({ poststop: [{ path: '/hook' }, { path: '/hook' }] }, { '/hook': { exit: 1 } })
  deleteContainer(one.runtime, ID, true)
  expect(one.warnings).toEqual([
    'poststop hook failed with exit code 1 (hook 0, `/hook`)',
    'poststop hook failed with exit code 1 (hook 1, `/hook`)',
  ])
  expect(leftovers(one.host)).toEqual([])
})

test('a cgroup with processes is somebody else’s', () => {
  using one = scene(plain)
  const { runtime, host } = one
  runtime.outside.mkdirat(-100, `${CGROUPS}/tsrun-${ID}`, 0o755)
  const other = host.world.newProcess('other', undefined)
  other.cgroup = host.world.cgroups.children.get(`tsrun-${ID}`)
  expect(() => createContainer(runtime, request)).toThrow('is not empty')
  expect(other.ended).toBe(false)
})

test('a cgroup that was there before stays after a failed create', () => {
  using one = scene({ ...plain, config: { ...plain.config, hooks: { prestart: [{ path: '/none' }] } } })
  one.runtime.outside.mkdirat(-100, `${CGROUPS}/tsrun-${ID}`, 0o755)
  expect(() => createContainer(one.runtime, request)).toThrow('prestart')
  expect(one.host.below(CGROUPS)).toContain(`${CGROUPS}/tsrun-${ID}`)
  expect(one.host.living()).toEqual([])
})

test('a container of another with the same id stays after a failed create', () => {
  using one = created()
  expect(() => createContainer(one.runtime, request)).toThrow('already exists')
  expect(containerState(one.runtime, ID).status).toBe('created')
  startContainer(one.runtime, ID)
})

test('what is mounted is queued while the first process is being born', () => {
  using one = scene(plain)
  const queued: string[] = []
  let queuedBeforeWaiting: readonly string[] | undefined
  class Watched extends ExecutorCalls {
    override later(call: Call) {
      queued.push(call.name)
      return super.later(call)
    }
    protected override awaited() {
      queuedBeforeWaiting ??= [...queued]
    }
  }
  createContainer({ ...one.runtime, makeCalls: (...parts) => new Watched(...parts) }, request)
  expect(queuedBeforeWaiting).toContain('clone3')
  expect(queuedBeforeWaiting).toContain('move_mount')
})
