// podman container checkpoint and restore, and what goes on after them.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { when } from '../../lib/checkpoint.ts'
import { criu, whyNot } from '../../lib/criu.ts'
import { have } from '../../lib/machine.ts'
import { IMAGE, openPodman, type Podman } from '../../lib/podman.ts'
import { eventually } from '../../lib/run.ts'
import { isCrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const engine = have('podman') && have('conmon') && !isCrun

describe('podman', () => {
  let podman: Podman
  beforeAll(() => {
    if (whyNot !== undefined || !engine) return
    podman = openPodman('v2')
    // podman's PATH is its own; what is mounted here is seen by podman and the runtime alone.
    const program = ['/usr/sbin/criu', '/usr/bin/criu'].find(path => existsSync(path))
    if (program !== undefined && program !== criu) podman.beside(['mount', '--bind', criu!, program])
  })
  afterAll(() => podman?.close())

  function counting(...words: string[]): string {
    const name = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', name]))
    const script = 'n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done'
    podman.must('run', '-d', '--name', name, '--network', 'none', ...words, IMAGE, 'sh', '-c', script)
    return name
  }
  const lines = (name: string) => podman.must('logs', name).replaceAll('\r', '').split('\n').map(Number)
  const goesOn = (name: string, from: number) =>
    eventually('more lines', () => (lines(name).at(-1)! > from ? lines(name) : undefined))

  when(engine)('container checkpoint, container restore: it counts on', () => {
    const name = counting()
    goesOn(name, 3)
    podman.must('container', 'checkpoint', name)
    expect(podman.must('inspect', '--format', '{{.State.Status}} {{.State.Checkpointed}}', name)).toBe('exited true')
    const last = lines(name).at(-1)!
    podman.must('container', 'restore', name)
    expect(podman.must('inspect', '--format', '{{.State.Status}}', name)).toBe('running')
    const all = goesOn(name, last + 3)
    // podman starts the log anew or goes on with it; a number may be lost with the pipe, and none comes twice.
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b))
    expect(podman.must('exec', name, 'hostname')).not.toBe('')
    podman.must('stop', '--time', '0', name)
    expect(podman.must('wait', name)).toBe('137')
  })

  when(engine)('with a terminal, and a volume', () => {
    const directory = makeDirectory()
    const name = counting('-t', '-v', `${directory}:/data`)
    goesOn(name, 3)
    podman.must('container', 'checkpoint', name)
    const last = lines(name).at(-1)!
    podman.must('container', 'restore', name)
    goesOn(name, last + 3)
    podman.must('exec', name, 'touch', '/data/touched')
    expect(existsSync(join(directory, 'touched'))).toBe(true)
  })

  when(engine)('--leave-running, and --export with restore --import under a new name', () => {
    const name = counting()
    goesOn(name, 3)
    const file = join(makeDirectory(), 'checkpoint.tar.gz')
    podman.must('container', 'checkpoint', '--leave-running', '--export', file, name)
    goesOn(name, lines(name).at(-1)! + 3)
    const copy = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', copy]))
    podman.must('container', 'restore', '--import', file, '--name', copy)
    goesOn(copy, 6)
    podman.must('rm', '--force', '--time', '0', name, copy)
  })
})
