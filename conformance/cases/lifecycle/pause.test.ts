// `pause` and `resume`: no process of the container runs in between, wherever below its cgroup it is.

import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Container, create, createRunning, oci, stateOf } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount, isPureV2 } from '../../lib/machine.ts'
import { eventually, launch, sleep } from '../../lib/run.ts'
import { isCrun, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Two processes, each of which writes all the time. */
const BUSY =
  "trap 'exit 7' TERM; (while :; do echo x >> /child; sleep 0.01; done) & while :; do echo x >> /init; sleep 0.01; done"

/** A container whose processes show that they run. */
function busy(): Container {
  const container = createRunning(undefined, BUSY)
  eventually('both to write', () => ['init', 'child'].every(name => existsSync(join(container.bundle.rootfs, name))))
  return container
}

/** How much both have written. */
function written({ bundle }: Container): number[] {
  return ['init', 'child'].map(name => statSync(join(bundle.rootfs, name)).size)
}

function expectStandstill(container: Container): void {
  const before = written(container)
  sleep(200)
  expect(written(container)).toEqual(before)
}

function expectProgress(container: Container): void {
  const before = written(container)
  eventually('both to go on', () => written(container).every((size, i) => size > before[i]!))
}

function pause({ id }: Container): void {
  expect(oci(['pause', id])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
}

function resume({ id }: Container): void {
  expect(oci(['resume', id])).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
}

test('pause stops every process, state says so, and resume lets them go on', () => {
  const container = busy()
  pause(container)
  expect(container.state().status).toBe('paused')
  expectStandstill(container)
  resume(container)
  expect(container.state().status).toBe('running')
  expectProgress(container)
})

// The peers use the freezer of version 1 on a hybrid host, which has another tree.
test.skipIf(!isTsrun && !isPureV2())('pause reaches processes in cgroups below', () => {
  const container = busy()
  const pids = JSON.parse(oci(['ps', '--format', 'json', container.id]).stdout) as number[]
  const init = container.state().pid!
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${init}/cgroup`, 'utf8'))![1]!
  const below = join(cgroup2Mount()!, path, 'below')
  mkdirSync(below)
  for (const pid of pids) {
    try {
      if (pid !== init) writeFileSync(join(below, 'cgroup.procs'), `${pid}`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it has ended meanwhile
    }
  }
  pause(container)
  expectStandstill(container)
  resume(container)
  expectProgress(container)
})

test('a signal to a paused container arrives when it is resumed', () => {
  const container = busy()
  pause(container)
  expect(container.kill('TERM').status).toBe(0)
  sleep(100)
  expect(container.state().status).toBe('paused')
  resume(container)
  container.until('stopped')
})

test('SIGKILL ends a paused container', () => {
  const container = busy()
  pause(container)
  expect(container.kill('KILL').status).toBe(0)
  container.until('stopped')
  expect(container.remove().status).toBe(0)
})

test.skipIf(!isTsrun)('kill --all ends a paused container, too (tsrun only)', () => {
  const container = busy()
  pause(container)
  expect(container.kill('--all', 'KILL').status).toBe(0)
  container.until('stopped')
})

test('a paused container is not deleted, unless by force', () => {
  const container = busy()
  pause(container)
  expectOneSentence(container.remove(), /cannot delete container `\S+` that is not stopped: paused/)
  expect(container.state().status).toBe('paused')
  expect(container.remove('--force').status).toBe(0)
  expect(oci(['state', container.id]).status).not.toBe(0)
})

test.skipIf(isCrun)('a created container can be paused; it starts when it is resumed (crun: it hangs)', () => {
  const container = create(['sh', '-c', 'echo started'])
  pause(container)
  expect(container.state().status).toBe('paused')
  expectOneSentence(container.start(), /cannot start a paused container/)
  resume(container)
  expect(container.state().status).toBe('created')
  expect(container.start().status).toBe(0)
  eventually('the program', () => container.output() === 'started\n')
})

test('pause in vain is an error that says why', () => {
  const container = busy()
  pause(container)
  if (!isCrun) expectOneSentence(oci(['pause', container.id]), /container is paused already/)
  container.kill('KILL')
  container.until('stopped')
  expectOneSentence(oci(['pause', container.id]), /container not running/)
  expectOneSentence(oci(['pause', fresh()]), /container `\S+` does not exist/)
})

test.skipIf(isCrun)('resume in vain is an error that says why (crun: none)', () => {
  const container = busy()
  expectOneSentence(oci(['resume', container.id]), /container not paused/)
  container.kill('KILL')
  container.until('stopped')
  expectOneSentence(oci(['resume', container.id]), /container not paused/)
  expectOneSentence(oci(['resume', fresh()]), /container `\S+` does not exist/)
})

test.skipIf(!isTsrun)('resume below a frozen cgroup says what keeps the container frozen (tsrun only)', () => {
  const parent = join(cgroup2Mount()!, fresh('g'))
  mkdirSync(parent)
  const container = createRunning(config => {
    config.linux.cgroupsPath = `${parent.slice(cgroup2Mount()!.length)}/inner`
  })
  writeFileSync(join(parent, 'cgroup.freeze'), '1')
  container.until('paused')
  expectOneSentence(oci(['resume', container.id]), /a cgroup above it is frozen/)
  writeFileSync(join(parent, 'cgroup.freeze'), '0')
  container.until('running')
  container.remove('--force')
  eventually('the parent to be empty', () => !existsSync(join(parent, 'inner')))
  rmdirSync(parent)
})

test('a container in the foreground is paused and goes on', async () => {
  const container = busy() // for its bundle
  const id = fresh()
  const words = [runtime.path, '--root', stateRoot, 'run', '--bundle', container.bundle.directory, id]
  const running = launch(words)
  eventually('the container to run', () => oci(['state', id]).stdout.includes('"running"'))
  expect(oci(['pause', id]).status).toBe(0)
  expect(stateOf(id).status).toBe('paused')
  expect(oci(['resume', id]).status).toBe(0)
  oci(['kill', id, 'TERM'])
  expect((await running.done).status).toBe(7)
})
