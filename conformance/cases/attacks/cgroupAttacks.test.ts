// What is the container's and what is the host's: cgroups that a container makes hard to remove, and states that name what
// belongs to others.

import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import type { Config } from '../../lib/config.ts'
import {
  type Change,
  type Container,
  command,
  create,
  createRunning,
  oci,
  removeLater,
  tryCreate,
} from '../../lib/container.ts'
import { exec, look } from '../../lib/exec.ts'
import { cgroup2Mount, have, isAlive } from '../../lib/machine.ts'
import { eventually, must, type Result, run } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const tree = cgroup2Mount()

const writable = (config: Config) => {
  config.mounts.push({ destination: '/sys', type: 'sysfs', source: 'sysfs' })
  config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid'] })
  config.linux.namespaces.push({ type: 'cgroup' })
}

/** Makes more levels than a path can have, as a program does that goes from one to the next; then puts a process there. */
function deepen(path: string, pid?: number): void {
  const script = `
    process.chdir(process.argv[1])
    for (let i = 0; i < 60; i++) {
      require('fs').mkdirSync('7'.repeat(250))
      process.chdir('7'.repeat(250))
    }
    if (process.argv[2]) require('fs').writeFileSync('cgroup.procs', process.argv[2])`
  must([process.execPath, '-e', script, path, ...(pid === undefined ? [] : [String(pid)])])
}

/** A directory of cgroups on the host, removed with all below. */
function makeCgroup(): string {
  const path = join(tree!, fresh('g'))
  mkdirSync(path)
  later(() => must(['find', path, '-depth', '-type', 'd', '-execdir', 'rmdir', '{}', ';']))
  return path
}

const NAMES: [string, string][] = [
  ['names that are no text', 'mkdir "$(printf "a\\377\\376x")"; cd "$(printf "a\\377\\376x")"'],
  ['many cgroups', 'for i in $(seq 300); do mkdir -p a/$i; done; cd a/7'],
  ['threaded ones', 'mkdir a && echo threaded > a/cgroup.type'],
  ['frozen ones', 'mkdir a && cd a && echo 1 > cgroup.freeze'],
]

describe.skipIf(tree === undefined || !isTsrun)('cgroups that a container makes (tsrun only)', () => {
  test.each(NAMES)('%s', (_, script) => {
    const container = createRunning(writable)
    look(container, `set -e; cd /sys/fs/cgroup; ${script}; sleep 1000 & echo $! > cgroup.procs`)
    expect(oci(['ps', container.id]).stdout).toMatch(/sleep 1000/)
    for (const words of [['pause'], ['resume'], ['inspect'], ['events', '--stats']])
      expect(oci([words[0]!, ...words.slice(1), container.id])).toMatchObject({ status: 0, stderr: '' })
    expect(oci(['gc'])).toMatchObject({ status: 0, stderr: '' })
    expect(oci(['kill', '--all', container.id, 'USR1'])).toMatchObject({ status: 0, stderr: '' })
    expect(container.remove('--force')).toMatchObject({ status: 0, stderr: '' })
  })

  test('more levels than a path can have, and a process in the last', () => {
    const container = createRunning(writable)
    look(container, 'sleep 1000 & until read -r name < /proc/$!/comm && [ "$name" = sleep ]; do :; done')
    const path = join(tree!, `tsrun-${container.id}`)
    const pids = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
    const pid = pids.find(pid => run(['cat', `/proc/${pid}/cmdline`]).stdout.startsWith('sleep\x001000'))!
    deepen(path, Number(pid))
    expect(oci(['ps', '--format', 'json', container.id]).stdout).toContain(pid)
    expect(oci(['gc'])).toMatchObject({ status: 0, stderr: '' })
    expect(container.remove('--force')).toMatchObject({ status: 0, stderr: '' })
  })

  test('names of files that it has not: a directory is none of them', () => {
    const container = createRunning(writable)
    const { id } = container
    const names = [
      'hugetlb.9MB.max',
      'hugetlb.9MB.current',
      'hugetlb.9MB.rsvd.current',
      'x.max',
      'memory.events',
      'pids.events',
    ]
    look(container, `cd /sys/fs/cgroup; mkdir ${names.join(' ')} 2>&1 | grep -v 'File exists'; [ -d x.max ]`)
    expect(oci(['inspect', id])).toMatchObject({ status: 0, stderr: '' })
    expect(oci(['inspect', '--drift', id]).stderr).toBe('')
    const stats = oci(['events', '--stats', id])
    expect(stats).toMatchObject({ status: 0, stderr: '' })
    expect(stats.stdout).not.toMatch(/9MB/)
    expect(run(['timeout', '-s', 'KILL', '1', ...command('events', id)])).toMatchObject({ stderr: '' })
    const limits = JSON.stringify({ hugepageLimits: [{ pageSize: '9MB', limit: 1 }] })
    const update = oci(['update', '--resources', '-', id], { input: limits })
    expect(update.stderr).toMatch(
      /there is no `hugetlb\.9MB\.max`|the cgroup has no file|not available|can not hand on/,
    )
    expect(container.remove('--force')).toMatchObject({ status: 0, stderr: '' })
  })

  test('a word of another container’s with a path that no call takes is no matter for gc', () => {
    const path = makeCgroup()
    const mark = (text: string) =>
      must([
        'python3',
        '-c',
        'import os, sys; os.setxattr(sys.argv[1], "user.tsrun", sys.argv[2].encode())',
        path,
        text,
      ])
    createRunning()
    for (const name of ['a'.repeat(5000), 'a'.repeat(300), '../'.repeat(2000)]) {
      mark(`0:1:2 ${stateRoot}/${name}`)
      expect(oci(['gc'])).toMatchObject({ status: 0, stderr: '' })
    }
  })

  test('a deep one of somebody else is no matter for gc', () => {
    const path = makeCgroup()
    deepen(path)
    expect(oci(['gc'])).toMatchObject({ status: 0, stderr: '' })
  })
})

describe.skipIf(tree === undefined || !isTsrun)('cgroup.kill was written (tsrun only)', () => {
  const joined = (path: string, words: string[]) =>
    run(['sh', '-c', `echo 0 > ${path}/cgroup.procs; exec "$@"`, 'sh', ...words])

  test('to the cgroup that a container is to have', () => {
    const path = makeCgroup()
    writeFileSync(join(path, 'cgroup.kill'), '1')
    const container = create(['sleep', '100'], config => {
      config.linux.cgroupsPath = path.slice(tree!.length)
    })
    const { pid } = container.state()
    expect(readFileSync(join(path, 'cgroup.procs'), 'utf8')).toBe(`${pid}\n`)
    expect(container.start().status).toBe(0)
    expect(look(container, 'echo alive')).toBe('alive')
    expect(container.remove('--force').status).toBe(0)
    mkdirSync(path, { recursive: true })
  })

  test('to the one that we are in', () => {
    const path = makeCgroup()
    writeFileSync(join(path, 'cgroup.kill'), '1')
    const container = createRunning()
    const own = `/tsrun-${container.id}`
    const words = command('exec', container.id, 'cat', '/proc/self/cgroup')
    expect(joined(path, words).stdout).toMatch(new RegExp(`^0::${own}$`, 'm'))
  })
})

describe.skipIf(tree === undefined || !isTsrun)(
  'the cgroup of a container of which nothing else is left (tsrun only)',
  () => {
    const path = (id: string) => join(tree!, `tsrun-${id}`)

    test.each([
      ['with processes', () => {}],
      ['frozen', (id: string) => writeFileSync(join(path(id), 'cgroup.freeze'), '1')],
      ['empty', (id: string) => writeFileSync(join(path(id), 'cgroup.kill'), '1')],
    ])('%s, does not keep the next one of its id from being created', (_, prepare) => {
      const { id } = createRunning()
      rmSync(join(stateRoot, id), { recursive: true })
      prepare(id)
      const next = tryCreate(makeBundle(), [], id)
      expect(next.created).toMatchObject({ status: 0, stderr: '' })
      expect(next.remove('--force').status).toBe(0)
    })
  },
)

interface State {
  pid: number
  startTime: string
  cgroup?: string
  cgroupId?: string
  [other: string]: unknown
}

/** A process of the host that is none of a container's business. */
function victim(): { child: ChildProcess; pid: number; cgroup: string } {
  const cgroup = makeCgroup()
  const child = spawn('sh', ['-c', `echo 0 > ${cgroup}/cgroup.procs; exec sleep 1000`], { stdio: 'ignore' })
  later(async () => {
    child.kill('SIGKILL')
    eventually('the victim to be gone', () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8') === '')
  })
  eventually('the victim to be there', () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8') !== '')
  return { child, pid: child.pid!, cgroup }
}

const startTime = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]!

describe.skipIf(tree === undefined || !isTsrun)('a state that names what is another’s (tsrun only)', () => {
  const forge = ({ id }: Container, change: (state: State) => void) => {
    const path = join(stateRoot, id, 'state.json')
    const state = JSON.parse(readFileSync(path, 'utf8')) as State
    change(state)
    writeFileSync(path, JSON.stringify(state))
    return state
  }
  const tryAll = ({ id }: Container) => {
    for (const words of [
      ['kill', id, 'KILL'],
      ['kill', '--all', id, 'KILL'],
      ['pause', id],
    ])
      expect(oci(words).stderr).not.toMatch(/internal/)
    for (const words of [
      ['ps', id],
      ['gc', '--all', '--force'],
      ['delete', '--force', id],
    ])
      oci(words)
    expect(existsSync(join(stateRoot, id))).toBe(false)
  }
  /** What a container whose state was forged has left. */
  const endAll = (cgroup: string) => {
    if (!existsSync(cgroup)) return
    writeFileSync(join(cgroup, 'cgroup.kill'), '1')
    eventually('it to be empty', () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8') === '')
    rmdirSync(cgroup)
  }
  const FORGERIES: [string, (state: State, other: { pid: number; cgroup: string }) => void][] = [
    ['a process', (state, { pid }) => Object.assign(state, { pid, startTime: startTime(pid) })],
    ['a process of another time', (state, { pid }) => Object.assign(state, { pid })],
    ['a cgroup', (state, { cgroup }) => Object.assign(state, { cgroup })],
    [
      'a cgroup, in a state without versions',
      (state, { cgroup }) => Object.assign(state, { cgroup, version: undefined, cgroupId: undefined }),
    ],
    ['a cgroup, and is damaged', (state, { cgroup }) => Object.assign(state, { cgroup, uid: 'root' })],
    [
      'a process and its cgroup',
      (state, { pid, cgroup }) => Object.assign(state, { pid, startTime: startTime(pid), cgroup }),
    ],
  ]

  test.each(FORGERIES)('%s is left alone', (_, change) => {
    const other = victim()
    const container = createRunning()
    const cgroup = join(tree!, `tsrun-${container.id}`)
    forge(container, state => change(state, other))
    tryAll(container)
    expect(isAlive(other.pid)).toBe(true)
    expect(existsSync(other.cgroup)).toBe(true)
    expect(readFileSync(join(other.cgroup, 'cgroup.freeze'), 'utf8')).toBe('0\n')
    endAll(cgroup)
  })

  test.each(FORGERIES)('%s is not entered', (_, change) => {
    const other = victim()
    const container = createRunning()
    const { id } = container
    const real = readFileSync(join(stateRoot, id, 'state.json'), 'utf8')
    const mark = join('/run', fresh('entered'))
    later(() => rmSync(mark, { recursive: true, force: true }))
    forge(container, state => change(state, other))
    const mounts = JSON.stringify([{ destination: mark, type: 'tmpfs', source: 'tmpfs' }])
    for (const { status, stderr } of [
      oci(['exec', id, 'mkdir', mark]),
      oci(['mounts', 'add', id, '-'], { input: mounts }),
      oci(['checkpoint', '--image-path', makeDirectory(), id]),
    ]) {
      expect(status).not.toBe(0)
      expect(stderr).toMatch(/not the container's|damaged|not running|stopped/)
    }
    expect([existsSync(mark), isAlive(other.pid)]).toEqual([false, true])
    writeFileSync(join(stateRoot, id, 'state.json'), real)
    expect(container.remove('--force')).toMatchObject({ status: 0, stderr: '' })
  })

  test('the cgroup and the process of another container', () => {
    const other = createRunning()
    const container = createRunning()
    const { pid, startTime, cgroup, cgroupId } = forge(other, () => {})
    const own = forge(container, () => {}).cgroup!
    forge(container, state => Object.assign(state, { pid, startTime, cgroup }))
    tryAll(container)
    expect(other.state().status).toBe('running')
    expect(cgroupId).toMatch(/^\d+$/)
    endAll(own)
    expect(other.remove('--force').status).toBe(0)
  })

  test('directories that are no cgroup and no group of resctrl', () => {
    const container = createRunning()
    const cgroup = makeDirectory()
    const group = join(makeDirectory(), container.id)
    mkdirSync(group)
    const own = forge(container, () => {}).cgroup!
    forge(container, state => Object.assign(state, { cgroup, resctrl: [group], unit: 'ssh.scope' }))
    tryAll(container)
    expect([existsSync(cgroup), existsSync(group)]).toEqual([true, true])
    endAll(own)
  })

  test.each(['{}', 'null', '{"version":2}'])('%s: delete --force takes what is marked as the container’s', text => {
    const container = createRunning(config => {
      config.linux.cgroupsPath = `/${fresh('g')}/below`
    })
    const { cgroup, pid } = forge(container, () => {})
    later(() => rmdirSync(join(cgroup!, '..')))
    writeFileSync(join(stateRoot, container.id, 'state.json'), text)
    expect(oci(['gc', '--all', '--force']).status).toBe(0)
    expect(isAlive(pid)).toBe(true)
    expect(container.remove('--force')).toMatchObject({ status: 0, stderr: '' })
    expect([isAlive(pid), existsSync(cgroup!)]).toEqual([false, false])
  })
})

test('kill with SIGKILL ends all of a container in the pid namespace of another one, whose init stays', () => {
  const other = createRunning()
  const container = create(['sh', '-c', 'sleep 1000 & exec sleep 1001'], config => {
    config.linux.namespaces.find(({ type }) => type === 'pid')!.path = `/proc/${other.state().pid}/ns/pid`
  })
  removeLater(container.id)
  expect(container.start().status).toBe(0)
  const children = () =>
    run(['pgrep', '--parent', String(container.state().pid)])
      .stdout.split('\n')
      .filter(Boolean)
  eventually('both to run', () => children().length === 1)
  const [child] = children().map(Number)
  expect(container.kill('KILL')).toMatchObject({ status: 0, stderr: '' })
  container.until('stopped')
  if (!isCrun) eventually('the other to be gone', () => !isAlive(child!))
  expect(other.state().status).toBe('running')
  expect(container.remove().status).toBe(0)
})

test('kill with SIGKILL ends what is left in a shared pid namespace when the first process is gone', () => {
  const container = create(['sh', '-c', 'sleep 1000 & exec sleep 1001'], config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
  })
  removeLater(container.id)
  expect(container.start().status).toBe(0)
  if (!isTsrun) return
  const cgroup = join(tree!, `tsrun-${container.id}`)
  const processes = () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
  eventually('both to run', () => processes().length === 2)
  must(['kill', '-9', String(container.state().pid)])
  container.until('stopped')
  expect(processes()).toHaveLength(1)
  expect(container.kill('TERM').stderr).toMatch(/not running/)
  expect(container.kill('KILL')).toMatchObject({ status: 0, stderr: '' })
  eventually('the other to be gone', () => processes().length === 0)
  expect(container.kill('KILL').stderr).toMatch(/not running/)
  expect(exec(container, ['true']).status).not.toBe(0)
  expect(container.remove().status).toBe(0)
})

describe.skipIf(tree === undefined || !isTsrun || !have('cc'))(
  'a process whose first thread has ended (peers: it stays)',
  () => {
    const program = join(sceneDirectory, 'leaderless')
    beforeAll(() => void compile('leaderless', program))
    const pidsIn = (container: Container) =>
      readFileSync(join(tree!, `tsrun-${container.id}`, 'cgroup.procs'), 'utf8')
        .split('\n')
        .filter(Boolean)
    const isLeaderless = (pid: string | undefined) =>
      /^State:\tZ[\s\S]*^Threads:\t2$/m.test(run(['cat', `/proc/${pid}/status`]).stdout)

    test('is the container, which runs and can be killed and deleted', () => {
      const make = () => {
        const container = create(['/leaderless'], (_, rootfs) => copyFileSync(program, join(rootfs, 'leaderless')))
        expect(container.start().status).toBe(0)
        eventually('its first thread to end', () => isLeaderless(pidsIn(container)[0]))
        expect(container.state()).toMatchObject({ status: 'running', pid: Number(pidsIn(container)[0]) })
        return container
      }
      const killed = make()
      expect(killed.remove().stderr).toMatch(/that is not stopped: running/)
      expect(killed.kill('KILL')).toMatchObject({ status: 0, stderr: '' })
      killed.until('stopped')
      expect(killed.remove()).toMatchObject({ status: 0, stderr: '' })
      expect(make().remove('--force')).toMatchObject({ status: 0, stderr: '' })
      const frozen = make()
      expect(oci(['pause', frozen.id])).toMatchObject({ status: 0, stderr: '' })
      expect(frozen.remove('--force')).toMatchObject({ status: 0, stderr: '' })
      const all = make()
      expect(oci(['kill', '--all', all.id, 'KILL'])).toMatchObject({ status: 0, stderr: '' })
      all.until('stopped')
      expect(all.remove()).toMatchObject({ status: 0, stderr: '' })
    })

    test('can be entered where the kernel opens threads (Linux 6.9), else it is told why not', () => {
      const enter = (change: Change, ...words: string[]) => {
        const container = create(['/leaderless'], (config, rootfs) => {
          copyFileSync(program, join(rootfs, 'leaderless'))
          change(config, rootfs)
        })
        expect(container.start().status).toBe(0)
        eventually('its first thread to end', () => isLeaderless(pidsIn(container)[0]))
        return words.length > 0
          ? oci(words.map(word => (word === 'ID' ? container.id : word)))
          : oci(['exec', container.id, 'sh', '-c', 'hostname; [ -e /leaderless ]'])
      }
      const changes: Change[] = [
        () => {},
        ({ linux }) => {
          linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
        },
      ]
      const [major, minor] = release().split('.').map(Number) as [number, number]
      const canEnter = major > 6 || (major === 6 && minor >= 9)
      const check = ({ status, stdout, stderr }: Result, expected: string) => {
        if (canEnter) expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expected, stderr: '' })
        else expect(stderr).toMatch(/^tsrun: .* first thread .* Linux 6\.9 .*\n$/)
      }
      const list = join(makeDirectory(), 'mounts.json')
      writeFileSync(list, JSON.stringify([{ destination: '/mnt', type: 'tmpfs', source: 'tmpfs' }]))
      for (const change of changes) {
        check(enter(change), 'inside\n')
        check(enter(change, 'inspect', '--drift', 'ID'), 'nothing differs from config.json and updates\n')
        check(enter(change, 'mounts', 'add', 'ID', list), '')
      }
    })

    test.skipIf(!have('strace'))('many of them are ended without a look at all for each', () => {
      const many = 120
      const container = create(
        ['sh', '-c', `for i in $(seq ${many}); do /leaderless & done; exec sleep 1001`],
        (config, rootfs) => {
          copyFileSync(program, join(rootfs, 'leaderless'))
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
        },
      )
      expect(container.start().status).toBe(0)
      eventually(
        'their first threads to end',
        () =>
          pidsIn(container).filter(pid => /^State:\tZ/m.test(run(['cat', `/proc/${pid}/status`]).stdout)).length ===
          many,
      )
      const trace = join(makeDirectory(), 'trace')
      const words = command('delete', '--force', container.id)
      expect(run(['strace', '-f', '-e', 'trace=openat', '-o', trace, ...words])).toMatchObject({ status: 0 })
      expect(readFileSync(trace, 'utf8').match(/"cgroup\.procs"/g)!.length).toBeLessThan(many / 3)
    })

    test('does not outlive the container, in which it is not the first', () => {
      const make = () => {
        const container = create(['sh', '-c', '/leaderless & exec sleep 1001'], (config, rootfs) => {
          copyFileSync(program, join(rootfs, 'leaderless'))
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
        })
        expect(container.start().status).toBe(0)
        eventually('its first thread to end', () => pidsIn(container).some(isLeaderless))
        return container
      }
      expect(make().remove('--force')).toMatchObject({ status: 0, stderr: '' })
      const killed = make()
      must(['kill', '-9', String(killed.state().pid)])
      killed.until('stopped')
      expect(killed.kill('KILL')).toMatchObject({ status: 0, stderr: '' })
      eventually('all to be gone', () => pidsIn(killed).length === 0)
      expect(killed.remove()).toMatchObject({ status: 0, stderr: '' })
    })
  },
)
