// The runtime killed with SIGKILL at any moment of a create: the keeper sees the end of its socket and takes back all that
// was made. Only tsrun promises this; the peers leave what they had made.

import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { command, oci, removeLater } from '../../lib/container.ts'
import { launch } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { expectNothingLeft, leavesNothing, snapshot } from '../../lib/snapshot.ts'

leavesNothing()

const ROUNDS = Number(process.env['KILLS'] ?? 25)

async function timeOf(words: string[]): Promise<number> {
  const begin = performance.now()
  await launch(words).done
  return performance.now() - begin
}

test.skipIf(!isTsrun)(
  `killed at ${ROUNDS} moments of create, tsrun leaves a whole container or nothing (tsrun only)`,
  async () => {
    const bundle = makeBundle(config => {
      config.hooks = { createRuntime: [{ path: '/bin/true' }] }
    })
    const quiet = (id: string) => [
      'sh',
      '-c',
      'exec "$@" >/dev/null 2>&1',
      'sh',
      ...command('create', '--bundle', bundle.directory, id),
    ]
    const first = removeLater(fresh())
    const whole = await timeOf(quiet(first))
    oci(['delete', '--force', first])

    for (let round = 0; round < ROUNDS; round += 1) {
      const before = snapshot()
      const id = removeLater(fresh())
      const { child, done } = launch(quiet(id))
      await new Promise(resolve => setTimeout(resolve, (whole * (round + 0.5)) / ROUNDS))
      child.kill('SIGKILL')
      const { signal } = await done
      // Killed late enough it had done its work, and the container is a good one.
      if (signal === 'SIGKILL' && oci(['state', id]).status !== 0) expectNothingLeft(before)
      expect(oci(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' })
      expectNothingLeft(before)
    }
  },
  300_000,
)

test.skipIf(!isTsrun)(
  'after a kill the same id can be created, or is told to exist until it is deleted (tsrun only)',
  async () => {
    const bundle = makeBundle(config => {
      config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '20'] }] }
    })
    const id = removeLater(fresh())
    const { child, done } = launch(command('create', '--bundle', bundle.directory, id))
    await new Promise(resolve => setTimeout(resolve, 1500))
    child.kill('SIGKILL')
    await done
    const { status, stderr } = oci(['create', '--bundle', makeBundle().directory, id])
    if (status !== 0) expect(stderr).toMatch(/exist/)
    expect(oci(['delete', '--force', id]).status).toBe(0)
    expect(oci(['create', '--bundle', makeBundle().directory, id])).toMatchObject({ status: 0, stderr: '' })
  },
)
