// `ps`: who runs in a container, as a list that callers parse and as a table that ps(1) makes.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { create, createRunning, oci, removeLater } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount, have, isPureV2 } from '../../lib/machine.ts'
import { eventually } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Two processes: the shell, and its child. */
const TWO = "trap 'exit 0' TERM; sleep 1000 & while :; do wait; done"

function pids(id: string): number[] {
  const { status, stdout, stderr } = oci(['ps', '--format', 'json', id])
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
}

test('ps --format json is a list of pids of the host, init and its children', () => {
  const container = createRunning(undefined, TWO)
  const list = eventually('two processes', () => (pids(container.id).length === 2 ? pids(container.id) : undefined))
  expect(list).toContain(container.state().pid)
  expect(list.map(commandOf).sort()).toEqual([`sh -c ${TWO}`, 'sleep 1000'])
})

test('ps of a created container has its init', () => {
  const container = create(['true'])
  expect(pids(container.id)).toEqual([container.state().pid])
})

test.skipIf(!have('ps') || isCrun)('ps makes a table of ps -ef, with the processes of the container alone', () => {
  const container = createRunning(undefined, TWO)
  eventually('two processes', () => pids(container.id).length === 2)
  const { status, stdout } = oci(['ps', container.id])
  const [titles, ...lines] = stdout.trimEnd().split('\n')
  expect(status).toBe(0)
  expect(titles).toMatch(/^UID +PID +PPID .*CMD$/)
  expect(lines.map(line => Number(line.split(/\s+/)[1])).sort()).toEqual(pids(container.id).sort())
})

test.skipIf(!have('ps') || isCrun)('ps hands arguments on to ps(1), also such as look like options of its own', () => {
  const container = createRunning()
  const { stdout } = oci(['ps', container.id, '-e', '-o', 'pid,comm', '--sort', 'pid'])
  expect(stdout).toMatch(new RegExp(`^ *PID COMMAND\n *${container.state().pid} sh\n`))
})

test.skipIf(!isTsrun || !have('ps'))('what ps(1) does not understand is told in its words (tsrun only)', () => {
  const { id } = createRunning()
  expectOneSentence(oci(['ps', id, '--no-such-option']), /`ps --no-such-option` failed: .*unknown/)
  expectOneSentence(oci(['ps', id, '-o', 'comm']), /column PID/)
})

test('ps of a stopped container is empty', () => {
  const container = create(['true'])
  container.start()
  container.until('stopped')
  expect(pids(container.id) ?? []).toEqual([])
  expect(oci(['ps', container.id])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[^\n]*PID[^\n]*\n$/) })
})

test('ps of no container is an error', () => {
  expectOneSentence(oci(['ps', fresh()]), /container `\S+` does not exist/)
})

// The peers keep their processes in the version 1 tree of a hybrid host.
const types = isTsrun ? ['domain', 'threaded'] : ['domain'] // where there are threads the peers give up
test.skipIf(!isTsrun && !isPureV2()).each(types)('ps finds processes in cgroups below, %s', type => {
  const container = createRunning(undefined, TWO)
  const list = eventually('two processes', () => (pids(container.id).length === 2 ? pids(container.id) : undefined))
  const init = container.state().pid!
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${init}/cgroup`, 'utf8'))![1]!
  const below = join(cgroup2Mount()!, path, 'below')
  mkdirSync(below)
  if (type === 'threaded') writeFileSync(join(below, 'cgroup.type'), type)
  writeFileSync(join(below, 'cgroup.procs'), `${list.find(pid => pid !== init)}`)
  expect(pids(container.id)).toEqual(list)
})

test.skipIf(!isTsrun)('without a cgroup ps looks into the pid namespace (tsrun only)', () => {
  const container = createRunning(undefined, TWO)
  const id = removeLater(fresh())
  const flags = ['--cgroup-manager', 'disabled', 'run', '--detach']
  container.bundle.config.linux.resources = {}
  container.bundle.save()
  expect(oci([...flags, '--bundle', container.bundle.directory, id]).status).toBe(0)
  const list = eventually('two processes', () => (pids(id).length === 2 ? pids(id) : undefined))
  expect(list.map(commandOf).sort()).toEqual([`sh -c ${TWO}`, 'sleep 1000'])
  expect(list).not.toContain(container.state().pid)
})
