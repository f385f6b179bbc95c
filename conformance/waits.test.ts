// Waits that somebody in the container can make as long as he likes: a signal ends them, and nothing is left.

import { expect, test } from 'vitest'
import { makeBundle } from './lib/bundle.ts'
import { command, create, oci, removeLater, stateOf } from './lib/container.ts'
import { isRoot } from './lib/machine.ts'
import { eventually, launch, PATIENCE } from './lib/run.ts'
import { isTsrun } from './lib/runtime.ts'
import { fresh } from './lib/scene.ts'
import { leavesNothing } from './lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun || !isRoot)
const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

it.each(['SIGTERM', 'SIGQUIT'] as const)(
  'run whose startContainer hook takes for ever ends at %s (tsrun only)',
  async signal => {
    const bundle = makeBundle(config => {
      config.hooks = { startContainer: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] }
    })
    const id = removeLater(fresh())
    const { child, done } = launch(command('run', '--bundle', bundle.directory, id), { timeout: 20_000 })
    eventually('the hook', () => oci(['state', id]).status === 0 || undefined)
    await pause(300 * PATIENCE)
    // What is only for the program does not end the wait for it.
    child.kill('SIGWINCH')
    await pause(100 * PATIENCE)
    expect(child.exitCode).toBeNull()
    child.kill(signal)
    const result = await done
    expect(result.status).toBe(1)
    expect(result.stderr).toMatch(/^tsrun: run [^\n]*ended by a signal\n$/)
    expect(oci(['state', id]).stderr).toMatch(/does not exist/)
  },
)

it('start whose startContainer hook takes for ever ends at SIGTERM (tsrun only)', async () => {
  const container = create(['true'], config => {
    config.hooks = { startContainer: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] }
  })
  const { child, done } = launch(command('start', container.id), { timeout: 20_000 })
  await pause(500 * PATIENCE)
  expect(child.exitCode).toBeNull()
  child.kill('SIGTERM')
  expect((await done).signal).toBe('SIGTERM')
  expect(stateOf(container.id).status).toBeDefined()
  expect(oci(['delete', '--force', container.id]).status).toBe(0)
})
