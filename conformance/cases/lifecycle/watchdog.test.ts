// A command that hangs says what it hangs at: one line, to those who ask for more than warnings, and to a terminal.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { type Change, command, create, removeLater } from '../../lib/container.ts'
import { have } from '../../lib/machine.ts'
import { eventually, launch, type Result, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const SLOW = '(it takes more than 5 s)'

function bundle(change: Change): string {
  return makeBundle((config, rootfs) => {
    config.process.args = ['true']
    change(config, rootfs)
  }).directory
}

/** A hook that takes longer than one waits for in silence. */
const hook =
  (kind: string): Change =>
  (config, rootfs) => {
    const path = join(rootfs, 'slow')
    writeFileSync(path, '#!/bin/sh\nexec sleep 6\n')
    chmodSync(path, 0o755)
    const outside = kind === 'createRuntime' || kind === 'poststart'
    // createContainer hooks are found on the host, and run in the container's namespaces.
    const found = outside || kind === 'createContainer' ? path : '/slow'
    config.hooks = { [kind]: [{ path: found }] }
  }

const runs = (id: string, directory: string, ...flags: string[]) =>
  launch(command(...flags, 'run', '--bundle', directory, removeLater(id))).done

function line(level: string, id: string, words: RegExp): RegExp {
  return new RegExp(`^tsrun: ${level}: run \`${id}\`: ${words.source} \\(it takes more than 5 s\\)\\n$`)
}

describe.skipIf(!isTsrun)('the watchdog (tsrun only)', () => {
  test('a hook that takes long is named once, wherever it runs; an engine hears nothing', async () => {
    const kinds: Record<string, RegExp> = {
      createRuntime: /running createRuntime hook #0: `.*\/slow`: waiting for its end/,
      createContainer: /running createContainer hook #0: `.*\/slow`: ppoll/,
      startContainer: /running startContainer hook #0: `\/slow`: ppoll/,
      poststart: /running poststart hook #0: `.*\/slow`: waiting for its end/,
    }
    const loud = Object.keys(kinds).map(kind => [fresh(), kind] as const)
    const results = await Promise.all([
      ...loud.map(([id, kind]) => runs(id, bundle(hook(kind)), '--log-level', 'info')),
      runs(fresh(), bundle(hook('createRuntime'))),
    ])
    const quiet = results.pop()
    expect(quiet).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
    for (const [i, [id, kind]] of loud.entries())
      expect(results[i]).toEqual({
        status: 0,
        signal: null,
        stdout: '',
        stderr: expect.stringMatching(line('info', id, kinds[kind]!)),
      })
  })

  test.skipIf(!have('script'))('on a terminal it is a warning', () => {
    const id = removeLater(fresh())
    const words = command('run', '--bundle', bundle(hook('createRuntime')), id).join(' ')
    const { stdout } = run(['script', '-qec', words, '/dev/null'])
    expect(stdout.replaceAll('\r\n', '\n')).toMatch(
      line('warning', id, /running createRuntime hook #0: `.*`: waiting for its end/),
    )
  })

  test('a start that waits for a hook of the container, and a command that waits for another one', async () => {
    const waiting = create(['true'], hook('startContainer'))
    const locked = create(['true'])
    const directory = join(stateRoot, locked.id)
    const { child } = launch(['flock', directory, 'sleep', '8'])
    later(() => void child.kill('SIGKILL'))
    eventually('the lock', () => run(['flock', '-n', directory, 'true']).status === 1)
    const starts = (id: string) => launch(command('--log-level', 'info', 'start', id)).done
    const [first, second] = (await Promise.all([starts(waiting.id), starts(locked.id)])) as [Result, Result]
    expect([first.status, second.status]).toEqual([0, 0])
    expect(first.stderr).toBe(
      `tsrun: info: start \`${waiting.id}\`: waiting for the program, before which come startContainer hooks and the seccomp agent ${SLOW}\n`,
    )
    expect(second.stderr).toBe(
      `tsrun: info: start \`${locked.id}\`: waiting for another command that works on the container ${SLOW}\n`,
    )
  })
})
