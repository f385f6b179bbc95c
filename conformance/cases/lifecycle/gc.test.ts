// `gc`: what dead containers leave behind, and what only looks like it.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { type Container, create, createRunning, oci, removeLater } from '../../lib/container.ts'
import { cgroupOf } from '../../lib/exec.ts'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

interface Remnant {
  kind: string
  what: string
  why: string
}

interface Report {
  orphans: Remnant[]
  kept: Remnant[]
  removed: Remnant[]
  failed: Remnant[]
}

const tree = cgroup2Mount()

function gc(...flags: string[]): Report {
  const { status, stdout, stderr } = oci(['gc', '--format', 'json', ...flags])
  if (stderr !== '') throw new Error(stderr)
  const report = JSON.parse(stdout) as Report
  expect(status).toBe(report.failed.length === 0 ? 0 : 1)
  return report
}

const NOTHING = { orphans: [], kept: [], removed: [], failed: [] }
const names = (list: Remnant[]) => list.map(({ what }) => what)

function stopped(change?: Parameters<typeof create>[1]): Container {
  const container = create(['true'], change)
  container.start()
  container.until('stopped')
  return container
}

/** A directory as a killed creation leaves it. */
function unfinished(minutes: number, files: Record<string, string> = {}): string {
  const id = removeLater(fresh())
  const directory = join(stateRoot, id)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const time = Date.now() / 1000 - 60 * minutes
  utimesSync(directory, time, time)
  return id
}

describe.skipIf(!isTsrun)('gc (tsrun only)', () => {
  test('containers that live are nobody its business', () => {
    const containers = [createRunning(), create(['true']), createRunning()]
    oci(['pause', containers[2]!.id])
    expect(gc()).toEqual(NOTHING)
    expect(gc('--all', '--force', '--older-than', '0s')).toEqual(NOTHING)
    expect(containers.map(container => container.state().status)).toEqual(['running', 'created', 'paused'])
    oci(['resume', containers[2]!.id])
    expect(oci(['gc'])).toEqual({ status: 0, signal: null, stdout: 'nothing to remove\n', stderr: '' })
  })

  test('a container that has stopped waits for its owner, who may have it taken', () => {
    const { id } = stopped()
    expect(gc('--force').kept).toEqual([{ kind: 'container', what: id, why: expect.stringContaining('owner') }])
    expect(gc('--older-than', '1h').orphans).toEqual([])
    expect(names(gc('--older-than', '0s').orphans)).toEqual([id])
    expect(names(gc('--all').orphans)).toEqual([id])
    expect(existsSync(join(stateRoot, id))).toBe(true)
    expect(oci(['gc', '--all']).stdout).toBe(
      `orphan: container ${id}: it has stopped\nnothing is removed without --force\n`,
    )
    expect(names(gc('--all', '--force').removed)).toEqual([id])
    expect(gc('--all')).toEqual(NOTHING)
  })

  test('a container whose bundle is gone has no owner; its poststop hooks run', () => {
    const told = join(makeDirectory(), 'told')
    const container = stopped(config => {
      config.hooks = { poststop: [{ path: '/bin/sh', args: ['sh', '-c', `cat >${told}`] }] }
    })
    renameSync(container.bundle.directory, `${container.bundle.directory}.gone`)
    later(() => rmSync(`${container.bundle.directory}.gone`, { recursive: true }))
    expect(gc('--force').removed).toEqual([
      { kind: 'container', what: container.id, why: expect.stringContaining('bundle') },
    ])
    expect(JSON.parse(readFileSync(told, 'utf8'))).toMatchObject({ id: container.id, status: 'stopped' })
    if (tree) expect(existsSync(join(tree, `tsrun-${container.id}`))).toBe(false)
  })

  test('a creation that was killed, one that may go on, one whose state is damaged', () => {
    const old = unfinished(20, { 'config.json': '{}', 'state.json.tmp': '{' })
    const recent = unfinished(2)
    const damaged = unfinished(20, { 'state.json': '{"id":' })
    const { orphans, kept } = gc()
    expect(names(orphans).sort()).toEqual([old, damaged].sort())
    expect(kept).toEqual([{ kind: 'container', what: recent, why: expect.stringContaining('a few minutes') }])
    expect(names(gc('--force').removed).sort()).toEqual([old, damaged].sort())
    expect(names(gc('--all').kept)).toEqual([recent])
  })

  test('a container that a command is at work on is left alone', () => {
    const id = unfinished(20)
    const holder = spawn('flock', [join(stateRoot, id), 'sleep', '1000'], { stdio: 'ignore', detached: true })
    later(() => end(holder))
    eventually('the lock', () => run(['flock', '-n', join(stateRoot, id), 'true']).status === 1)
    expect(gc('--all', '--force')).toEqual(NOTHING)
  })

  test('a file of an update that was killed', () => {
    const { id } = createRunning()
    const path = join(stateRoot, id, 'state.json.tmp')
    writeFileSync(path, '{')
    expect(gc()).toMatchObject({ orphans: [{ kind: 'file', what: path }] })
    expect(names(gc('--force').removed)).toEqual([path])
    expect(existsSync(path)).toBe(false)
    expect(oci(['state', id]).status).toBe(0)
  })

  test.skipIf(!tree)('a cgroup whose container is gone: with processes it is kept, without it goes', () => {
    const container = createRunning()
    const [pid, path] = [container.state().pid!, cgroupOf(container.state().pid!)]
    must(['rm', '-r', join(stateRoot, container.id)])
    expect(gc('--all', '--force')).toMatchObject({ kept: [{ kind: 'cgroup', what: path }], removed: [] })
    process.kill(pid, 'SIGKILL')
    eventually('it to die', () => readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 0'))
    mkdirSync(join(path, 'below'))
    expect(gc().orphans).toEqual([{ kind: 'cgroup', what: path, why: expect.stringContaining('is gone') }])
    expect(names(gc('--force').removed)).toEqual([path])
    expect(existsSync(path)).toBe(false)
  })

  test.skipIf(!tree)(
    "cgroups of others: by the same name, of another directory, and of one that has this one's path",
    () => {
      const named = join(tree!, `tsrun-${fresh()}`)
      mkdirSync(named)
      later(() => must(['rmdir', named]))
      // Another directory of containers, at its own path, and then at ours.
      const other = makeDirectory()
      const { directory } = makeBundle(config => {
        config.process.args = ['true']
      })
      const id = fresh()
      must([runtime.path, '--root', other, 'create', '--bundle', directory, id])
      const path = join(tree!, `tsrun-${id}`)
      later(() => run(['rmdir', path]))
      const pid = Number(readFileSync(join(path, 'cgroup.procs'), 'utf8'))
      process.kill(pid, 'SIGKILL')
      eventually('it to die', () => readFileSync(join(path, 'cgroup.events'), 'utf8').includes('populated 0'))
      expect(gc('--all', '--force')).toEqual(NOTHING)
      rmSync(join(other, id), { recursive: true })
      expect(gc('--all', '--force')).toEqual(NOTHING)

      const elsewhere = [
        'unshare',
        '-m',
        'sh',
        '-ec',
        'mkdir -p "$1"; mount -t tmpfs none "$1"; shift; exec "$@"',
        'sh',
        other,
      ]
      const words = [runtime.path, '--root', other, 'gc', '--format', 'json']
      expect(JSON.parse(must([...elsewhere, ...words])).kept).toEqual([
        { kind: 'cgroup', what: path, why: expect.stringContaining('another directory of that name') },
      ])
      expect(names(JSON.parse(must([...words, '--force'])).removed)).toEqual([path])
      expect(existsSync(named)).toBe(true)
    },
  )

  test.skipIf(!tree)('processes that outlive the first one keep a container, whatever is asked', () => {
    const container = create(['sh', '-c', 'sleep 1000 & exit 0'], config => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    })
    container.start()
    container.until('stopped')
    expect(gc('--all', '--force').kept).toEqual([
      { kind: 'container', what: container.id, why: expect.stringContaining('there are others in') },
    ])
    container.remove('--force')
  })

  test('no time, and no directory of containers', () => {
    const { status, stderr } = oci(['gc', '--older-than', 'yesterday'])
    expect([status, stderr]).toEqual([1, 'tsrun: gc: --older-than: `yesterday` is no time such as 90m or 24h\n'])
    const nowhere = join(makeDirectory(), 'none')
    expect(must([runtime.path, '--root', nowhere, 'gc'])).toBe('nothing to remove\n')
    expect(existsSync(nowhere)).toBe(false)
  })
})

function end(child: ChildProcess): void {
  process.kill(-child.pid!, 'SIGKILL')
}
