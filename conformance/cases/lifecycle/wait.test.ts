// `wait`: the exit code of a container for those who are not its parent. No other runtime has it.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { create, createRunning, oci, removeLater } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { remembersExits } from '../../lib/machine.ts'
import { eventually, launch, sleep } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

const why = remembersExits() ? '' : ' (skipped: before Linux 6.15 the parent may be faster)'

function waiting(id: string) {
  return launch([runtime.path, '--root', stateRoot, 'wait', id])
}

describe.skipIf(!isTsrun)('wait (tsrun only)', () => {
  leavesNothing()

  test.skipIf(!remembersExits())(`gives the exit code of the program to all who wait${why}`, async () => {
    const container = create(['sh', '-c', 'sleep 1; exit 42'])
    const waiters = [waiting(container.id), waiting(container.id)]
    container.start()
    for (const { done } of waiters) expect(await done).toEqual({ status: 0, signal: null, stdout: '42\n', stderr: '' })
  })

  test.skipIf(!remembersExits())(
    `gives 128 and the number of the signal, also of a paused container${why}`,
    async () => {
      const container = createRunning()
      const { done } = waiting(container.id)
      oci(['pause', container.id])
      sleep(200)
      container.kill('KILL')
      expect(await done).toMatchObject({ status: 0, stdout: '137\n' })
    },
  )

  test('gives the code of a container that has been kept', () => {
    const { bundle } = create(['sh', '-c', 'exit 3'])
    const id = removeLater(fresh())
    expect(oci(['run', '--keep', '--bundle', bundle.directory, id]).status).toBe(3)
    expect(oci(['wait', id])).toEqual({ status: 0, signal: null, stdout: '3\n', stderr: '' })
  })

  test('sleeps meanwhile', async () => {
    const container = createRunning()
    const { child, done } = waiting(container.id)
    const ticks = () => Number(readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[11])
    eventually('it to use no processor time', () => {
      const before = ticks()
      sleep(500)
      return ticks() === before
    })
    container.kill('KILL')
    await done
  })

  test('says so when nobody knows the code any more', () => {
    const container = create(['true'])
    container.start()
    container.until('stopped')
    eventually('its parent to have taken the code', () => oci(['wait', container.id]).stdout === '')
    const { status, stderr } = oci(['wait', container.id])
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('not to be known any more') })
  })

  test('of no container is an error', () => {
    expectOneSentence(oci(['wait', fresh()]), /wait for `\S+`: container `\S+` does not exist/)
  })
})
