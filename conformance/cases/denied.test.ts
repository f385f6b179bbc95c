// System calls that somebody's filter around the runtime denies, as in a container: it works, or one sentence names the call.

import { readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ENOSYS, EPERM } from '../../native/abi/errno.ts'
import { architecture } from '../../native/arch/architecture.ts'
import { callNumbers } from '../../native/arch/numbers.ts'
import { makeBundle, makeDirectory } from '../lib/bundle.ts'
import type { Hook } from '../lib/config.ts'
import { type Change, command, createRunning, removeLater } from '../lib/container.ts'
import { have } from '../lib/machine.ts'
import { overwriter } from '../lib/overwriter.ts'
import { must, run } from '../lib/run.ts'
import { isTsrun, repository, runtime } from '../lib/runtime.ts'
import { fresh, sceneDirectory } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'

leavesNothing()

/** Another call does the same. */
const REPLACED = ['clone3', 'close_range', 'openat2', 'pidfd_open', 'memfd_create', 'statx'] as const
/** None that keeps every promise; see docs/security.md. */
const NEEDED = [...(['fsopen', 'open_tree', 'move_mount'] as const), ...(['mount_setattr'] as const)]
type Name = (typeof REPLACED)[number] | (typeof NEEDED)[number]

const program = join(sceneDirectory, 'deny')
const skip = !isTsrun || !have('cc')

beforeAll(() => {
  if (!skip) must(['cc', '-static', '-o', program, join(repository, 'conformance/lib/deny.c')])
})

const denying = (name: Name, errno: number) => [program, `${callNumbers[architecture!][name]}`, `${errno}`]

const sh = (script: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', script] })

const answered = <Of extends Name>(names: readonly Of[]) =>
  names.flatMap(name => [[name, 'EPERM', EPERM] as const, [name, 'ENOSYS', ENOSYS] as const])

/** A container with all of its life under a filter: what it said, step by step. */
function live(
  filter: readonly string[],
  change: Change = () => {},
): readonly (readonly [string, number | null, string])[] {
  const id = removeLater(fresh())
  const { directory } = makeBundle((config, rootfs) => {
    config.process.args = ['sleep', '100']
    change(config, rootfs)
  })
  const steps = [
    ['create', '--bundle', directory, id],
    ['start', id],
    ['exec', id, 'sh', '-c', 'cat /proc/self/cgroup; exit 3'],
    ['exec', '--detach', id, 'sleep', '100'],
    ['kill', id, 'TERM'],
    ['delete', '--force', id],
  ]
  return steps.map(words => {
    const { status, stdout, stderr } = run([...filter, ...command(...words)])
    return [words[0]!, status, `${stdout}${stderr}`.replaceAll(id, 'ID')] as const
  })
}

test.skipIf(skip).each(answered(REPLACED))(
  '%s that says %s is done without, by every command (tsrun only)',
  (name, _, errno) => {
    const filter = denying(name, errno)
    expect(live(filter)).toEqual(live([]))
    const { directory } = makeBundle(config => {
      config.process.args = ['sh', '-c', 'readlink /proc/self/ns/time; exit 7']
      config.linux.namespaces.push({ type: 'time' }, { type: 'cgroup' })
      config.hooks = Object.fromEntries(
        ['createRuntime', 'createContainer', 'startContainer', 'poststop'].map(kind => [kind, [sh('exit 0')]]),
      )
    })
    const words = command('run', '--bundle', directory, removeLater(fresh()))
    const { status, stdout: time, stderr } = run([...filter, ...words])
    expect({ status, stderr }).toEqual({ status: 7, stderr: '' })
    expect(time).not.toBe(`${readlinkSync('/proc/self/ns/time')}\n`)
    const { stdout } = run([...filter, runtime.path, 'doctor'])
    expect(stdout).toMatch(new RegExp(`ok +kernel: ${name} is (missing|denied): .* will do instead, which is slower\n`))
  },
)

test.skipIf(skip).each(['createContainer', 'startContainer'])(
  '%s hooks are waited for, and not for longer than their time, without clone3 (tsrun only)',
  kind => {
    const runs = (script: string, timeout: number) => {
      const { directory } = makeBundle(config => {
        config.process.args = ['true']
        config.hooks = { [kind]: [{ ...sh(script), timeout }] }
      })
      return run([...denying('clone3', ENOSYS), ...command('run', '--bundle', directory, removeLater(fresh()))])
    }
    expect(runs('sleep 0.2', 10)).toMatchObject({ status: 0, stderr: '' })
    expect(runs('echo why >&2; exit 5', 10).stderr).toMatch(/exit code 5.*why/)
    expect(runs('sleep 100', 1).stderr).toContain('killed after its timeout of 1 s')
  },
)

test.skipIf(skip).each(answered(NEEDED))(
  '%s that says %s is named, with what denies it, and doctor finds it (tsrun only)',
  (name, code, errno) => {
    const { directory } = makeBundle(config => {
      config.process.args = ['true']
    })
    const words = command('run', '--bundle', directory, removeLater(fresh()))
    const { status, stderr } = run([...denying(name, errno), ...words])
    if (status !== 0)
      expect(stderr).toMatch(
        new RegExp(
          `^tsrun: run .*${name}.*: ${code} \\(the seccomp filter that tsrun itself runs under denies it, [^\\n]*\\)\\n$`,
        ),
      )
    const { stdout } = run([...denying(name, errno), runtime.path, 'doctor'])
    expect(stdout).toMatch(new RegExp(`problem +kernel: system calls are (missing|denied): ${name}\\n`))
  },
)

test.skipIf(skip)('without openat2 links of the image lead nowhere but in the root (tsrun only)', () => {
  const outside = makeDirectory()
  const { directory, rootfs } = makeBundle((config, rootfs) => {
    symlinkSync(outside, join(rootfs, 'absolute'))
    symlinkSync(`${'../'.repeat(20)}${outside}`, join(rootfs, 'climbing'))
    for (const link of ['absolute', 'climbing'])
      config.mounts.push({ destination: `/${link}/${link}`, type: 'tmpfs', source: 'tmpfs' })
    config.process.args = ['true']
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  expect(run([...denying('openat2', ENOSYS), ...words])).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(outside)).toEqual([])
  expect(readdirSync(join(rootfs, outside)).sort()).toEqual(['absolute', 'climbing'])
})

test.skipIf(skip)(
  'without memfd_create the executable of who joins a container can not be written (tsrun only)',
  () => {
    const container = createRunning(config => {
      for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE')
    }, overwriter('mark'))
    const words = [...denying('memfd_create', EPERM), ...command('exec', container.id, 'true')]
    for (let round = 0; round < 60 && !container.output().includes('held'); round += 1) run(words)
    for (let round = 0; round < 10; round += 1) run(words)
    expect(container.output()).toContain('held')
    expect(container.output()).not.toContain('written')
  },
)
