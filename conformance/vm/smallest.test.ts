// How little a container may have: 1 MiB, one process, and the least that a program still runs with. With both hosts of
// tsrun, and with the peers, whose own processes count in the limit. `bench --only limits` measures it more thoroughly.

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { smallest } from '../../bench/lib/smallest.ts'
import { makeBundle } from '../lib/bundle.ts'
import { recordFigures } from '../lib/figures.ts'
import { repository } from '../lib/repository.ts'
import { type Result, run } from '../lib/run.ts'
import { fresh, later, sceneDirectory } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'

leavesNothing()

interface Runtime {
  readonly name: string
  readonly path: string
  readonly isTsrun: boolean
  /** Not for Node.js: it is the same program that is in the container, and Node.js itself is outside. */
  readonly searched: boolean
}

const runtimes: Runtime[] = [
  { name: 'tsrun, static', path: join(repository, 'dist/tsrun'), isTsrun: true, searched: true },
  { name: 'tsrun, Node.js', path: join(repository, 'dist/node/tsrun'), isTsrun: true, searched: false },
  { name: 'crun', path: '/usr/bin/crun', isTsrun: false, searched: true },
  { name: 'runc', path: '/usr/sbin/runc', isTsrun: false, searched: true },
].filter(({ path }) => existsSync(path))

const state = join(sceneDirectory, 'runtimes')
beforeAll(() => void mkdirSync(state))

/** `run` of `true` with these limits. */
function runTrue({ path }: Runtime, resources: object, bundle = makeBundle()): Result {
  Object.assign(bundle.config.linux.resources!, resources)
  bundle.save()
  const id = fresh()
  later(() => run([path, '--root', state, 'delete', '--force', id]))
  return run([path, '--root', state, 'run', '--bundle', bundle.directory, id])
}

const memory = (limit: number) => ({ memory: { limit, swap: limit } })

/** How it ended, and the first thing that was said of it. */
function told({ status, signal, stderr }: Result): string {
  const [line = ''] = stderr.split('\n')
  return `${signal ?? `exit code ${status}`}${line && `: ${line.slice(0, 120)}`}`
}

const MiB = 1 << 20

describe.each(runtimes)('$name', runtime => {
  test.each([
    ['memory.limit 1 MiB, pids.limit 1', { ...memory(MiB), pids: { limit: 1 } }],
    ['pids.limit 1', { pids: { limit: 1 } }],
  ])('%s', (asked, resources) => {
    const result = runTrue(runtime, resources)
    recordFigures(`${asked}, ${runtime.name}`, '-', told(result))
    if (runtime.isTsrun) expect(result).toMatchObject({ status: 0, stderr: '' })
  })

  if (!runtime.searched) return
  test('the smallest memory.limit', () => {
    const bundle = makeBundle()
    const holds = (kib: number) => runTrue(runtime, memory(kib * 1024), bundle).status === 0
    const found = smallest(0, 64 * 1024, 16, holds)
    recordFigures(`the smallest memory.limit, ${runtime.name}`, '-', `true runs with ${found} KiB`)
    expect(found).toBeDefined()
    if (runtime.isTsrun) expect(found).toBeLessThanOrEqual(512)
  })
})
