// The container's own cgroup in the v2 tree: made, joined, used to kill, and taken back.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { command, create, createRunning, inside, oci, removeLater, tryCreate } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount, isAlive } from '../../lib/machine.ts'
import { eventually, run } from '../../lib/run.ts'
import { isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const tree = cgroup2Mount()!

/** The v2 path of a process: the line with the empty list of controllers, cgroups(7). */
function cgroupOf(pid: number): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? ''
}

function processesOf(path: string): number[] {
  return readFileSync(join(tree, path, 'cgroup.procs'), 'utf8')
    .trim()
    .split('\n')
    .filter(line => line !== '')
    .map(Number)
}

test('a container has a cgroup of its own, with its id, and delete removes it', () => {
  const container = create(['true'])
  const path = cgroupOf(container.state().pid!)
  expect(path).toContain(container.id)
  expect(processesOf(path)).toEqual([container.state().pid])
  container.remove()
  expect(existsSync(join(tree, path))).toBe(false)
})

test('run removes the cgroup', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/cgroup']
  })
  const { stdout } = run(command('run', '--bundle', bundle.directory, removeLater(fresh())))
  const path = /^0::(.*)$/m.exec(stdout)![1]!
  expect(path).not.toBe('/')
  expect(existsSync(join(tree, path))).toBe(false)
})

test('an absolute cgroupsPath is one from the root of the tree', () => {
  const name = fresh('g')
  const container = create(['true'], config => {
    config.linux.cgroupsPath = `/${name}/inner`
  })
  expect(cgroupOf(container.state().pid!)).toBe(`/${name}/inner`)
  container.remove()
  expect(existsSync(join(tree, name, 'inner'))).toBe(false)
  // The peers leave what they made above.
  if (existsSync(join(tree, name))) rmdirSync(join(tree, name))
})

test('a relative cgroupsPath is stable, and has the name in it', () => {
  const name = fresh('g')
  const look = () => {
    const container = create(['true'], config => {
      config.linux.cgroupsPath = name
    })
    const path = cgroupOf(container.state().pid!)
    container.remove()
    return path
  }
  const path = look()
  expect(path.endsWith(`/${name}`)).toBe(true)
  expect(look()).toBe(path)
})

test('.. in a cgroupsPath does not lead out of the tree', () => {
  const name = fresh('g')
  const container = tryCreate(
    makeBundle(config => {
      config.linux.cgroupsPath = `/../../../${name}`
    }),
  )
  if (container.created.status === 0) expect(cgroupOf(container.state().pid!)).toBe(`/${name}`)
})

test('a folder above that was there before stays, and so does what is beside', () => {
  const name = fresh('g')
  mkdirSync(join(tree, name))
  mkdirSync(join(tree, name, 'beside'))
  later(() => {
    rmdirSync(join(tree, name, 'beside'))
    rmdirSync(join(tree, name))
  })
  const container = create(['true'], config => {
    config.linux.cgroupsPath = `/${name}/own`
  })
  container.remove()
  expect(existsSync(join(tree, name, 'own'))).toBe(false)
  expect(existsSync(join(tree, name, 'beside'))).toBe(true)
})

test('children of the program are in the cgroup, and kill --all reaches them', () => {
  const container = createRunning(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.maskedPaths = []
    config.linux.readonlyPaths = []
  }, "trap '' TERM; sleep 60 & sleep 60 & wait")
  const path = cgroupOf(container.state().pid!)
  eventually('the children', () => processesOf(path).length >= 3)
  const pids = processesOf(path)
  expect(oci(['kill', '--all', container.id, 'KILL']).status).toBe(0)
  container.until('stopped')
  eventually('all to be gone', () => !pids.some(isAlive))
})

test('delete --force of a container without a pid namespace leaves no process', () => {
  const container = createRunning(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.maskedPaths = []
    config.linux.readonlyPaths = []
  }, 'sleep 60 & setsid sleep 60 & wait')
  const path = cgroupOf(container.state().pid!)
  eventually('the children', () => processesOf(path).length >= 3)
  const pids = processesOf(path)
  expect(container.remove('--force').status).toBe(0)
  eventually('all to be gone', () => !pids.some(isAlive))
  expect(existsSync(join(tree, path))).toBe(false)
})

test('folders that the program made in its cgroup are removed too', () => {
  const container = createRunning(config => {
    config.linux.namespaces.push({ type: 'cgroup' })
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] })
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_DAC_OVERRIDE')
  }, "mkdir -p /sys/fs/cgroup/a/b/c; echo made; trap 'exit 0' TERM; while :; do sleep 0.05; done")
  const path = cgroupOf(container.state().pid!)
  eventually('the folders', () => container.output().includes('made'))
  expect(existsSync(join(tree, path, 'a/b/c'))).toBe(true)
  expect(container.remove('--force').status).toBe(0)
  expect(existsSync(join(tree, path))).toBe(false)
})

test('with a cgroup namespace the program sees itself at the top', () => {
  expect(inside('cat /proc/self/cgroup', config => config.linux.namespaces.push({ type: 'cgroup' }))).toMatch(
    /^0::\/$/m,
  )
})

test.skipIf(isRunc)('--cgroup-manager disabled makes none (runc: no such option)', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/cgroup']
    delete config.linux.resources
  })
  const { stdout, stderr } = run([
    ...command(),
    '--cgroup-manager',
    'disabled',
    'run',
    '--bundle',
    bundle.directory,
    removeLater(fresh()),
  ])
  expect(stderr).toBe('')
  expect(/^0::(.*)$/m.exec(stdout)![1]).toBe(cgroupOf(process.pid))
})

test('a cgroup that holds processes of others is refused', () => {
  const container = createRunning()
  const path = cgroupOf(container.state().pid!)
  const second = tryCreate(
    makeBundle(config => {
      config.linux.cgroupsPath = path
    }),
  )
  expectOneSentence(second.created, /cgroup/, 'crun')
  expect(container.state().status).toBe('running')
})

test.skipIf(!isTsrun)('a limit whose controller is not in the v2 tree is one clear sentence (tsrun only)', context => {
  const available = readFileSync(join(tree, 'cgroup.controllers'), 'utf8').trim().split(' ')
  context.skip(available.includes('memory'), 'the controller is there')
  const container = tryCreate(
    makeBundle(config => {
      config.linux.resources!['memory'] = { limit: 100_000_000 }
    }),
  )
  expectOneSentence(
    container.created,
    /\/linux\/resources\/memory\/limit: the controller `memory` is not available under cgroup version 2 at `.*` \(it has .*\): \S/,
  )
})

test('zeros ask for nothing: dockerd always sends them', () => {
  const container = tryCreate(
    makeBundle(config => {
      config.linux.resources!['cpu'] = { shares: 0 }
      config.linux.resources!['blockIO'] = { weight: 0 }
      config.linux.resources!['memory'] = {}
    }),
  )
  if (isTsrun) expect(container.created).toMatchObject({ status: 0, stderr: '' })
})

describe('a container below a threaded cgroup', () => {
  /** A cgroup with a threaded one in it, and a directory more on the way. */
  function threaded(): string {
    const name = fresh('threaded')
    mkdirSync(join(tree, name, 'beside'), { recursive: true })
    writeFileSync(join(tree, name, 'beside/cgroup.type'), 'threaded')
    later(() => run(['sh', '-c', `cd ${tree}/${name} && rmdir on/the on beside; cd .. && rmdir ${name}`]))
    return name
  }

  test.each(['', '/on/the'])('has all of its life there, at %j', way => {
    const name = threaded()
    const container = createRunning(config => {
      config.linux.cgroupsPath = `/${name}${way}/own`
    }, 'sleep 60 & wait')
    const path = cgroupOf(container.state().pid!)
    expect(path).toBe(`/${name}${way}/own`)
    expect(readFileSync(join(tree, path, 'cgroup.type'), 'utf8')).toBe('threaded\n')
    expect(exec(container, ['cat', '/proc/self/cgroup']).stdout).toContain(path)
    if (isTsrun) expect(JSON.parse(oci(['ps', '--format', 'json', container.id]).stdout)).toHaveLength(2)
    expect(oci(['pause', container.id]).status).toBe(0)
    expect(container.state().status).toBe('paused')
    expect(oci(['resume', container.id]).status).toBe(0)
    expect(oci(['kill', container.id, 'KILL']).status).toBe(0)
    container.until('stopped')
    expect(container.remove().status).toBe(0)
    expect(existsSync(join(tree, path))).toBe(false)
  })

  test('is refused with a limit that takes another', () => {
    const name = threaded()
    const { created } = tryCreate(
      makeBundle(config => {
        config.linux.cgroupsPath = `/${name}/own`
        config.linux.resources = { memory: { limit: 64 << 20 } }
      }),
    )
    expect(created.status).not.toBe(0)
    expect(existsSync(join(tree, name, 'own'))).toBe(false)
  })
})
