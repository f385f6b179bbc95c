// Waits that somebody in the container can make as long as he likes: a signal ends them, and nothing is left.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { command, create, oci, removeLater, stateOf } from '../../lib/container.ts'
import { cgroupOf } from '../../lib/exec.ts'
import { field, have, isAlive, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, PATIENCE, run } from '../../lib/run.ts'
import { isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun || !isRoot || !have('cc'))
const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))
const processesIn = (cgroup: string) => readFileSync(`${cgroup}/cgroup.procs`, 'utf8').trim().split('\n')

/** A container whose program stops all who come. */
function createHolder() {
  const container = create(['/holder'], (_, rootfs) => {
    compile('holder', join(rootfs, 'holder'))
  })
  expect(container.start().status).toBe(0)
  eventually('the program to stop others', () => container.output().includes('ready') || undefined)
  // Who comes in is not to run in its place.
  must(['renice', '-n', '-20', '-p', `${container.state().pid}`])
  return container
}

/** Ends an exec into it that has been met as it came in: strace(1) makes it slow, and has it wait before it is a program. */
async function endExec(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGKILL', flags: readonly string[]): Promise<void> {
  const container = createHolder()
  const cgroup = cgroupOf(container.state().pid!)
  const slowly = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=setgroups:delay_enter=100s']
  const { child, done } = launch([...slowly, ...command('exec', ...flags, container.id, 'true')])
  const newcomer = Number(eventually('the newcomer', () => processesIn(cgroup)[1]))
  const exec = Number(must(['pgrep', '-P', `${child.pid}`]))
  const status = (name: string) => field(readFileSync(`/proc/${newcomer}/status`, 'utf8'), name)
  await pause(300 * PATIENCE) // until it has been told to stop
  child.kill('SIGKILL')
  eventually('it to stand still', () => status('State').startsWith('T (stopped)'))
  expect(status('Name')).not.toBe('true')
  process.kill(exec, signal)
  expect((await done).stderr).toMatch(/^(tsrun: exec [^\n]*ended by a signal\n)?$/)
  eventually('what has been stopped to be gone', () => !isAlive(newcomer), 3000)
  eventually('exec to be gone', () => !isAlive(exec))
  expect(oci(['delete', '--force', container.id]).status).toBe(0)
}

describe.skipIf(!have('strace')).each([
  ['exec', []],
  ['exec --detach', ['--detach']],
])('%s into a container that stops everybody', (_, flags) => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends at %s (tsrun only)', signal => endExec(signal, flags))

  it('leaves nobody there when it is killed (tsrun only)', () => endExec('SIGKILL', flags))
})

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

// Who joins for that is in the container's pid namespace, and not in its cgroup.
it('mounts into a container that stops everybody ends at a signal, and leaves nobody there (tsrun only)', async () => {
  const container = createHolder()
  const file = join(makeDirectory(), 'mounts.json')
  writeFileSync(file, JSON.stringify([{ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' }]))
  const namespace = (pid: string | number) => readlinkSync(`/proc/${pid}/ns/pid`)
  const theirs = namespace(container.state().pid!)
  const newcomers = () =>
    readdirSync('/proc').filter(pid => {
      try {
        return namespace(pid) === theirs && Number(pid) !== container.state().pid
      } catch {
        return false // no process, or gone
      }
    })
  let met = 0
  for (let round = 0; round < 60 && met < 3; round += 1) {
    const { child, done } = launch(command('mounts', 'add', container.id, file), { timeout: 20_000 })
    await Promise.race([done, pause(400 * PATIENCE)])
    if (newcomers().length > 0) met += 1
    child.kill((['SIGTERM', 'SIGINT', 'SIGKILL'] as const)[met % 3]!)
    await done
    eventually('what has been stopped to be gone', () => newcomers().length === 0, 3000)
  }
  expect(met).toBeGreaterThan(0)
  expect(oci(['delete', '--force', container.id]).status).toBe(0)
})

/** A process 1 that reaps nobody, as the program of many containers; the command is a child of it. */
const AMONG_UNREAPED = `unshare --pid --fork --kill-child --mount-proc sleep 100 &
  until first=$(pgrep -P $! -x sleep); do sleep 0.01; done
  nsenter --target $first --pid --mount sh -ec "$1" 2>&1; status=$?; kill -KILL $first; exit $status`

test.skipIf(!isRoot || isRunc)(
  'where nobody reaps orphans, what was left by exec does not keep delete --force waiting',
  () => {
    const id = removeLater(fresh())
    const { directory } = makeBundle(config => {
      config.process.args = ['sleep', '100']
    })
    const words = [
      ['run', '--detach', '--bundle', directory, id],
      ['exec', '--detach', id, 'sleep', '100'],
      ['delete', '--force', id],
    ].map(words => `${command(...words).join(' ')} < /dev/null > /dev/null`)
    const { status, stdout } = run(['sh', '-c', AMONG_UNREAPED, 'sh', words.join('\n')])
    expect({ status, stdout: stdout.replace(/.*sigprocmask.*\n/, '') }).toEqual({ status: 0, stdout: '' })
  },
)
