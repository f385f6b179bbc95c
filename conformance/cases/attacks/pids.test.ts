// Numbers of processes that become those of others: a process of a container ends, or leaves its cgroup, while a command goes
// through it, and a process of the host has its number.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { architecture } from '../../../native/arch/architecture.ts'
import { callNumbers } from '../../../native/arch/numbers.ts'
import { makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Change, command, createRunning } from '../../lib/container.ts'
import { cgroup2Mount, field, have, isAlive, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const tree = cgroup2Mount()
const reborn = join(sceneDirectory, 'reborn')
/** Longer than any command is held. */
const HELD_S = 100

/** Below a threaded cgroup, where cgroup.kill does not work. */
function threaded(): Change {
  const name = fresh('threaded')
  mkdirSync(join(tree!, name, 'beside'), { recursive: true })
  writeFileSync(join(tree!, name, 'beside/cgroup.type'), 'threaded')
  later(() => run(['sh', '-c', `cd ${tree}/${name} && rmdir beside; cd .. && rmdir ${name}`]))
  return ({ linux }) => {
    linux.cgroupsPath = `/${name}/own`
  }
}

/** A process of the container that is a child of the exec outside, which waits for it whatever becomes of the others. */
function enter(id: string) {
  const file = join(makeDirectory(), 'pid')
  const { done } = launch(command('exec', '--pid-file', file, id, 'sleep', '1000'))
  const pid = Number(eventually('the process', () => existsSync(file) && readFileSync(file, 'utf8')))
  eventually('its program', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
  return { pid, done }
}

/** Runs a command that stands still before its first pidfd_open(2), when it has found out what to open. */
function holdAtPidfd(words: readonly string[]) {
  const inject = `inject=pidfd_open:delay_enter=${HELD_S}s:when=1`
  const { child, done } = launch(['strace', '-f', '-qq', '-o', '/dev/null', '-e', inject, ...words])
  const number = `${callNumbers[architecture!].pidfd_open} `
  const standing = () =>
    tracedBy(child.pid!).filter(pid => run(['cat', `/proc/${pid}/syscall`]).stdout.startsWith(number))
  const held = eventually('the command to stand still', () => (standing().length > 0 ? standing() : undefined))
  /** Without strace it goes on. Gives what it says. */
  return async () => {
    expect(standing()).toEqual(held)
    child.kill('SIGKILL')
    const { stderr } = await done
    eventually('its end', () => !held.some(pid => isAlive(Number(pid))))
    return stderr
  }
}

function tracedBy(tracer: number): string[] {
  const traced = run(['sh', '-c', `grep -lE '^TracerPid:.${tracer}$' /proc/[0-9]*/task/[0-9]*/status`]).stdout
  return [...traced.matchAll(/task\/(\d+)/g)].map(([, pid]) => pid!)
}

describe.skipIf(!isTsrun || !isRoot || tree === undefined || !have('strace') || !have('cc'))(
  'kill --all (tsrun only)',
  () => {
    beforeAll(() => void compile('reborn', reborn))

    const ways: [string, string, () => Change][] = [
      ['TERM', 'a cgroup', () => () => {}],
      ['KILL', 'a threaded cgroup', threaded],
      ['TERM', 'a threaded cgroup', threaded],
    ]

    test.each(ways)('with SIG%s in %s leaves alone who has got the number of a process', async (signal, _, where) => {
      const container = createRunning(where())
      const process = enter(container.id)
      const letGo = holdAtPidfd(command('kill', '--all', container.id, signal))
      must(['kill', '-KILL', `${process.pid}`])
      await process.done
      const victim = launch([reborn, `${process.pid}`])
      later(() => void victim.child.kill('SIGKILL'))
      await victim.speaks
      expect(await letGo()).toBe('')
      container.until('stopped')
      expect(isAlive(process.pid)).toBe(true)
      expect(field(readFileSync(`/proc/${process.pid}/status`, 'utf8'), 'Name')).toBe('reborn')
      victim.child.kill('SIGKILL')
      await victim.done
      eventually('the victim to be gone', () => !isAlive(process.pid))
    })

    test.each(ways)('with SIG%s in %s leaves alone who has left it', async (signal, _, where) => {
      const change = where()
      const container = createRunning((config, rootfs) => {
        change(config, rootfs)
        // The end of the first process is not to end the others.
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
      })
      const process = enter(container.id)
      const letGo = holdAtPidfd(command('kill', '--all', container.id, signal))
      const elsewhere = join(tree!, fresh('g'))
      mkdirSync(elsewhere)
      later(() => run(['rmdir', elsewhere]))
      writeFileSync(join(elsewhere, 'cgroup.procs'), `${process.pid}`)
      expect(await letGo()).toBe('')
      container.until('stopped')
      expect(isAlive(process.pid)).toBe(true)
      must(['kill', '-KILL', `${process.pid}`])
      await process.done
    })
  },
)
