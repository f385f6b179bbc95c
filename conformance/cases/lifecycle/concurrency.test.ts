// Many at once, and many in a row. CYCLES sets how many lives one test lives; 500 for the long run.

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { command, createRunning, oci, removeLater, stateOf } from '../../lib/container.ts'
import { cgroup2Mount, have } from '../../lib/machine.ts'
import { launch, run } from '../../lib/run.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const AT_ONCE = 20
const CYCLES = Number(process.env['CYCLES'] ?? 50)

/** Removes a cgroup whenever it is empty: after about the time that a container takes, which is longer with Node.js. */
const REMOVER = `
import os, random, sys, time
while True:
    time.sleep(random.uniform(0.1, 1.9) * ${process.env['TSRUN_HOST'] === 'node' ? 0.1 : 0.01})
    try: os.rmdir(sys.argv[1])
    except OSError: pass`

/** A runtime call whose container must not hold the pipes of this process. */
function launched(...words: string[]) {
  return launch([
    'sh',
    '-c',
    'out=$(mktemp); "$@" </dev/null >/dev/null 2>"$out"; code=$?; cat "$out" >&2; rm "$out"; exit $code',
    'sh',
    ...command(...words),
  ])
}

test(`${AT_ONCE} containers of different ids are created at once`, async () => {
  const bundles = Array.from({ length: AT_ONCE }, () => makeBundle())
  const ids = bundles.map(() => removeLater(fresh()))
  const results = await Promise.all(
    ids.map((id, at) => launched('create', '--bundle', bundles[at]!.directory, id).done),
  )
  expect(results.map(({ status, stderr }) => `${status} ${stderr}`)).toEqual(ids.map(() => '0 '))
  expect(ids.map(id => stateOf(id).status)).toEqual(ids.map(() => 'created'))
})

test(`${AT_ONCE} containers of one bundle are run at once`, async () => {
  const bundle = makeBundle(config => {
    config.process.args = ['echo', 'hello']
  })
  const runs = Array.from({ length: AT_ONCE }, () =>
    launch(command('run', '--bundle', bundle.directory, removeLater(fresh()))),
  )
  const results = await Promise.all(runs.map(({ done }) => done))
  expect(results).toEqual(runs.map(() => ({ status: 0, signal: null, stdout: 'hello\n', stderr: '' })))
})

test(`of ${AT_ONCE} creates with the same id exactly one succeeds`, async () => {
  const bundles = Array.from({ length: AT_ONCE }, () => makeBundle())
  const id = removeLater(fresh())
  const results = await Promise.all(bundles.map(({ directory }) => launched('create', '--bundle', directory, id).done))
  const winners = results.filter(({ status }) => status === 0)
  expect(winners).toHaveLength(1)
  for (const { status, stderr } of results) if (status !== 0) expect(stderr).toMatch(/exist|in use|lock/)
  expect(stateOf(id).status).toBe('created')
})

test('of many deletes of one container at least one succeeds, and it is gone', async () => {
  const container = createRunning()
  const results = await Promise.all(Array.from({ length: 8 }, () => launched('delete', '--force', container.id).done))
  expect(results.some(({ status }) => status === 0)).toBe(true)
  expect(oci(['state', container.id]).status).not.toBe(0)
})

test('create and delete of one id at the same time end in one of two states', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { directory } = makeBundle()
    const id = removeLater(fresh())
    const creating = launched('create', '--bundle', directory, id)
    const deleting = launched('delete', '--force', id)
    await Promise.all([creating.done, deleting.done])
    const { status, stdout } = oci(['state', id])
    if (status === 0) expect(JSON.parse(stdout)).toMatchObject({ status: expect.stringMatching(/^(created|stopped)$/) })
    oci(['delete', '--force', id])
  }
})

test(
  `${CYCLES} lives in a row leave nothing`,
  async () => {
    const bundle = makeBundle()
    const descriptors = () => readdirSync('/proc/self/fd').length
    const before = descriptors()
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      const id = fresh()
      const steps = [
        ['create', '--bundle', bundle.directory, id],
        ['start', id],
        ['delete', '--force', id],
      ]
      for (const words of steps) {
        const { status, stderr } = await launched(...words).done
        expect({ cycle, words: words[0], status, stderr }).toEqual({ cycle, words: words[0], status: 0, stderr: '' })
      }
    }
    expect(descriptors()).toBeLessThanOrEqual(before + 1)
  },
  CYCLES * 3000,
)

test.skipIf(!have('python3'))(
  'who removes empty cgroups meanwhile keeps nobody from making a container in one',
  async () => {
    const above = `/${fresh()}`
    const remover = launch(['python3', '-c', REMOVER, `${cgroup2Mount()}${above}`])
    later(() => run(['rmdir', `${cgroup2Mount()}${above}`]))
    const bundle = makeBundle(config => {
      config.process.args = ['true']
      config.linux.cgroupsPath = `${above}/container`
    })
    try {
      for (let round = 0; round < 15; round += 1)
        expect(oci(['run', '--bundle', bundle.directory, removeLater(fresh())])).toMatchObject({
          status: 0,
          stderr: '',
        })
    } finally {
      remover.child.kill('SIGKILL')
      await remover.done
    }
  },
)

test('ten running containers are all listed, and none of them shows on the host as a mount', () => {
  const containers = Array.from({ length: 10 }, () => createRunning())
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(containers[0]!.id)
  const ids = oci(['list', '-q']).stdout.trim().split('\n')
  expect(containers.every(({ id }) => ids.includes(id))).toBe(true)
})
