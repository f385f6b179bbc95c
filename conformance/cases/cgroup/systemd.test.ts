// The cgroup driver that leaves the making of cgroups to systemd: which unit a container gets, with which properties, and
// that it goes with the container, whatever becomes of the runtime. For hosts where systemd is process 1.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, oci, removeLater, stateOf } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { recordFigures } from '../../lib/figures.ts'
import { cgroup2Mount, have } from '../../lib/machine.ts'
import { makeRootfs } from '../../lib/rootfs.ts'
import { eventually, launch, must, type Result, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, olderThan, runtime } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory, tag } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { withUser } from '../../lib/user.ts'

const hasSystemd = readFileSync('/proc/1/comm', 'utf8') === 'systemd\n' && existsSync('/run/systemd/private')
const tree = cgroup2Mount()

/** runc warns of devices that the host does not have. */
const QUIET = isRunc ? {} : { stderr: '' }

/** Before, crun told systemd nothing of limits and devices. */
const isSilent = olderThan('crun', 1, 9)

/** The last part of a container's cgroup: crun makes one below the scope. */
const BELOW = isCrun ? '/container' : ''

function systemctl(...words: string[]): Result {
  return run(['systemctl', ...words], { env: { ...process.env, SYSTEMD_IGNORE_CHROOT: '1' } })
}

/** Properties of a unit by name, as systemctl shows them; one with several values has a line for each. */
function shown(unit: string, ...names: string[]): Record<string, string> {
  const { stdout } = systemctl('show', unit, ...names.map(name => `--property=${name}`))
  const found: Record<string, string> = {}
  for (const [, name = '', value = ''] of stdout.matchAll(/^(\w+)=(.*)$/gm))
    found[name] = name in found ? `${found[name]}\n${value}` : value
  return found
}

const isLoaded = (unit: string) => shown(unit, 'LoadState')['LoadState'] === 'loaded'

function cgroupOf(pid: number): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? ''
}

interface Scoped {
  id: string
  unit: string
  created: Result
  pid(): number
  /** Absolute path of the container's cgroup. */
  cgroup(): string
  remove(): Result
}

type Change = (config: Config) => void

/** `create` with the systemd driver; `change` sees a configuration that names a unit of the test's own. */
function create(change: Change = () => {}, args = ['sleep', '1000'], expected = 0): Scoped {
  const id = fresh()
  later(() => {
    const { status, stderr } = oci(['--systemd-cgroup', 'delete', '--force', id])
    if (status !== 0) throw new Error(stderr)
  })
  const bundle = makeBundle(config => {
    config.process.args = args
    config.linux.cgroupsPath = `system.slice:pre:${id}`
    change(config)
  })
  const words = command('--systemd-cgroup', 'create', '--bundle', bundle.directory, id)
  const quiet = ['sh', '-c', 'exec "$@" >"$0"', join(sceneDirectory, `${id}.out`), ...words]
  const created = run(quiet)
  if (created.status !== expected) throw new Error(`create: exit code ${created.status}: ${created.stderr}`)
  const pid = () => stateOf(id).pid!
  return {
    id,
    unit: `pre-${id}.scope`,
    created,
    pid,
    cgroup: () => `${tree}${cgroupOf(pid())}`,
    remove: () => oci(['--systemd-cgroup', 'delete', '--force', id]),
  }
}

test.runIf(isTsrun && !hasSystemd)('without systemd the driver says that it is not there (tsrun only)', () => {
  const bundle = makeBundle()
  const result = oci(['--systemd-cgroup', 'create', '--bundle', bundle.directory, fresh()])
  expectOneSentence(result, /systemd does not answer at `.*--cgroup-manager cgroupfs/)
})

if (!hasSystemd && process.env['TSRUN_SYSTEMD']) throw new Error('TSRUN_SYSTEMD is set, but systemd is not process 1')

describe.skipIf(!hasSystemd)('where systemd is process 1', () => {
  leavesNothing()

  test('cgroupsPath names slice, prefix and name of a scope, in which the process is', () => {
    const container = create()
    const { unit } = container
    expect(container.cgroup()).toBe(`${tree}/system.slice/${unit}${BELOW}`)
    expect(shown(unit, 'ActiveState', 'Slice', 'Delegate', 'ControlGroup')).toEqual({
      ActiveState: 'active',
      Slice: 'system.slice',
      Delegate: 'yes',
      ControlGroup: `/system.slice/${unit}`,
    })
    if (!isCrun) expect(shown(unit, 'Description')['Description']).toContain(container.id)
    if (!isRunc) expect(stateOf(container.id)).toMatchObject({ 'systemd-scope': unit })
  })

  test('delete removes unit and cgroup', () => {
    const container = create()
    const cgroup = container.cgroup()
    expect(container.remove()).toMatchObject({ status: 0, stderr: '' })
    expect(isLoaded(container.unit)).toBe(false)
    expect(existsSync(cgroup)).toBe(false)
  })

  test('a slice with dashes is one below others', () => {
    const slice = `${tag}-inner.slice`
    later(() => systemctl('stop', slice, `${tag}.slice`))
    const container = create(config => {
      config.linux.cgroupsPath = `${slice}:p:n-${tag}`
    })
    expect(container.cgroup()).toBe(`${tree}/${tag}.slice/${slice}/p-n-${tag}.scope${BELOW}`)
    container.remove()
  })

  test('without a cgroupsPath the scope has the names of the runtime and the container', () => {
    const container = create(config => {
      delete config.linux.cgroupsPath
    })
    expect(container.cgroup()).toBe(`${tree}/system.slice/${runtime.kind}-${container.id}.scope${BELOW}`)
    container.remove()
  })

  test('a path of another kind is refused', () => {
    const container = create(
      config => {
        config.linux.cgroupsPath = `/a/${tag}:b`
      },
      ['true'],
      1,
    )
    expect(container.created.stderr).toMatch(/slice|unit/)
  })

  test('limits are in the files of the cgroup, and systemd knows them', () => {
    const container = create(config => {
      config.linux.resources = {
        memory: { limit: 67_108_864, reservation: 33_554_432 },
        pids: { limit: 77 },
        cpu: { shares: 512, quota: 25_500, period: 50_000, cpus: '0', mems: '0' },
      }
    })
    const file = (name: string) => readFileSync(`${container.cgroup()}/${name}`, 'utf8').trim()
    const names = ['memory.max', 'memory.low', 'pids.max', 'cpu.max', 'cpuset.cpus', 'cpuset.mems']
    expect(names.map(file)).toEqual(['67108864', '33554432', '77', '25500 50000', '0', '0'])
    if (isSilent) return
    const { CPUWeight, ...rest } = shown(
      container.unit,
      ...['MemoryMax', 'MemoryLow', 'TasksMax', 'CPUQuotaPerSecUSec', 'CPUQuotaPeriodUSec', 'AllowedCPUs', 'CPUWeight'],
    )
    expect(rest).toEqual({
      MemoryMax: '67108864',
      MemoryLow: '33554432',
      TasksMax: '77',
      CPUQuotaPerSecUSec: '510ms',
      CPUQuotaPeriodUSec: '50ms',
      AllowedCPUs: '0',
    })
    recordFigures(
      '--systemd-cgroup, memory 64 MiB, pids 77, cpu 0.51, cpus 0',
      ['memory.max', 'pids.max', 'cpu.max', 'cpuset.cpus'].map(name => `${name} ${file(name)}`).join(', '),
      `systemd: ${Object.entries(rest)
        .filter(([name]) => /^(MemoryMax|TasksMax|CPUQuotaPerSecUSec|AllowedCPUs)$/.test(name))
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    )
    expect(CPUWeight).toBe(file('cpu.weight'))
    // systemd writes what it knows when it looks over its units, and nothing else has become of it then.
    must(['systemctl', 'daemon-reload'], { env: { ...process.env, SYSTEMD_IGNORE_CHROOT: '1' } })
    expect(names.slice(0, 3).map(file)).toEqual(['67108864', '33554432', '77'])
  })

  test('a limit is enforced', () => {
    const bundle = makeBundle(config => {
      config.process.args = ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait']
      config.linux.resources = { pids: { limit: 4 } }
      config.linux.cgroupsPath = `system.slice:pre:${tag}`
    })
    const { stderr } = run(command('--systemd-cgroup', 'run', '--bundle', bundle.directory, removeLater(fresh())))
    recordFigures('--systemd-cgroup, pids.limit 4', '-', stderr)
    expect(stderr).toMatch(/can't fork/)
  })

  test('devices are filtered by systemd, too, with the same result', () => {
    const container = create(config => {
      config.linux.resources = {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
        ],
      }
    })
    const { DevicePolicy, DeviceAllow } = shown(container.unit, 'DevicePolicy', 'DeviceAllow')
    if (!isCrun) {
      expect(DevicePolicy).toBe('strict')
      expect(DeviceAllow).toContain('/dev/char/10:229')
    }
    container.remove()
    const bundle = makeBundle(config => {
      config.process.args = [
        'sh',
        '-c',
        'echo > /dev/null && head -c 1 /dev/zero | wc -c; mknod /tmp/mem c 1 1; cat /tmp/mem',
      ]
      config.process.capabilities = { bounding: ['CAP_MKNOD'], effective: ['CAP_MKNOD'], permitted: ['CAP_MKNOD'] }
      config.root.readonly = false
      config.linux.cgroupsPath = `system.slice:pre:${tag}`
      config.linux.resources = { devices: [{ allow: false, access: 'rwm' }] }
    })
    const { stdout, stderr } = run(
      command('--systemd-cgroup', 'run', '--bundle', bundle.directory, removeLater(fresh())),
    )
    expect(stdout).toBe('1\n')
    recordFigures('--systemd-cgroup, devices: none allowed', 'mknod c 1 1 makes a node', stderr)
    expect(stderr).toMatch(/Operation not permitted/)
  })

  test('annotations set properties of the unit, seconds among them', () => {
    const container = create(config => {
      config.annotations = {
        'org.systemd.property.TimeoutStopSec': '7',
        'org.systemd.property.CollectMode': "'inactive'",
        ...(!isCrun && { 'org.systemd.property.After': "['basic.target']" }), // crun takes no arrays
      }
    })
    const { After, ...rest } = shown(container.unit, 'TimeoutStopUSec', 'CollectMode', 'After')
    expect(rest).toEqual({ TimeoutStopUSec: '7s', CollectMode: 'inactive' })
    if (!isCrun) expect(After!.split(' ')).toContain('basic.target')
  })

  test.runIf(isTsrun)('a property that systemd does not know is an error that names it (tsrun only)', () => {
    const change = (config: Config) => {
      config.annotations = { 'org.systemd.property.NoSuchThing': 'true' }
    }
    const { created, unit } = create(change, ['true'], 1)
    expectOneSentence(created, /NoSuchThing/)
    expect(isLoaded(unit)).toBe(false)
  })

  test('the cgroup namespace starts at the container’s cgroup', () => {
    const bundle = makeBundle(config => {
      config.process.args = ['sh', '-c', 'cat /proc/self/cgroup']
      config.linux.namespaces.push({ type: 'cgroup' })
      config.linux.cgroupsPath = `system.slice:pre:${tag}`
    })
    const { stdout } = run(command('--systemd-cgroup', 'run', '--bundle', bundle.directory, removeLater(fresh())))
    expect(stdout).toMatch(/^0::\/$/m)
  })

  test.skipIf(isRunc)('a subgroup and a delegated cgroup lie below the scope; limits are on the subgroup', () => {
    const container = create(config => {
      config.annotations = { 'run.oci.systemd.subgroup': 'sub', 'run.oci.delegate-cgroup': '/inner' }
      config.linux.resources = { pids: { limit: 77 } }
    })
    const scope = `${tree}/system.slice/${container.unit}`
    expect(container.cgroup()).toBe(`${scope}/sub/inner`)
    expect(readFileSync(`${scope}/sub/pids.max`, 'utf8')).toBe('77\n')
    container.remove()
    expect(existsSync(scope)).toBe(false)
  })

  test.runIf(isTsrun)('a create that fails leaves no unit (tsrun only)', () => {
    const { created, unit } = create(() => {}, ['no-such-program'], 1)
    expectOneSentence(created, /no-such-program/)
    expect(isLoaded(unit)).toBe(false)
    expect(existsSync(`${tree}/system.slice/${unit}`)).toBe(false)
  })

  test('when the program has ended the scope goes by itself', () => {
    const container = create(() => {}, ['true'])
    oci(['start', container.id])
    eventually('the scope to go', () => !isLoaded(container.unit))
    expect(stateOf(container.id).status).toBe('stopped')
    expect(container.remove()).toMatchObject({ status: 0, stderr: '' })
  })

  test('run gives the program’s exit code and leaves no unit', () => {
    const bundle = makeBundle(config => {
      config.process.args = ['sh', '-c', 'exit 7']
      config.linux.cgroupsPath = `system.slice:pre:${tag}`
    })
    expect(run(command('--systemd-cgroup', 'run', '--bundle', bundle.directory, removeLater(fresh())))).toMatchObject({
      status: 7,
      ...QUIET,
    })
    expect(isLoaded(`pre-${tag}.scope`)).toBe(false)
  })

  test.skipIf(isRunc)('a failed unit of the same name is forgotten', () => {
    const name = fresh('u')
    const environment = { env: { ...process.env, SYSTEMD_IGNORE_CHROOT: '1' } }
    const scope = ['--scope', `--unit=pre-${name}`, '--property=RuntimeMaxSec=1', 'sleep', '60']
    run(['systemd-run', ...scope], environment)
    eventually('the unit to fail', () => shown(`pre-${name}.scope`, 'ActiveState')['ActiveState'] === 'failed')
    const container = create(config => {
      config.linux.cgroupsPath = `system.slice:pre:${name}`
    })
    expect(shown(`pre-${name}.scope`, 'ActiveState')['ActiveState']).toBe('active')
    container.remove()
    expect(isLoaded(`pre-${name}.scope`)).toBe(false)
  })

  // runc puts the second container into the scope of the first.
  test.skipIf(isRunc)('a unit of the same name that is in use stays as it is', () => {
    const first = create()
    const pid = first.pid()
    const second = create(
      config => {
        config.linux.cgroupsPath = `system.slice:pre:${first.id}`
      },
      ['true'],
      1,
    )
    expect(second.created.stderr).toMatch(/exist|already/)
    expect(stateOf(first.id)).toMatchObject({ status: 'created', pid })
    const { ActiveState, Job } = shown(first.unit, 'ActiveState', 'Job')
    expect([ActiveState, Job || '0']).toEqual(['active', '0'])
  })

  test.runIf(isTsrun)(
    'killed at any moment of create, tsrun leaves a whole container or nothing (tsrun only)',
    async () => {
      const rounds = 12
      const name = fresh('k')
      const unit = `pre-${name}.scope`
      const bundle = makeBundle(config => {
        config.linux.cgroupsPath = `system.slice:pre:${name}`
        config.linux.namespaces = config.linux.namespaces.filter(namespace => namespace.type !== 'pid')
        // A process that outlives its hook, in the container's cgroup.
        config.hooks = { createContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'sleep 1000 >/dev/null 2>&1 &'] }] }
      })
      const id = removeLater(fresh())
      const words = command('--systemd-cgroup', 'create', '--bundle', bundle.directory, id)
      const quiet = ['sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', ...words]
      const begin = performance.now()
      await launch(quiet).done
      const whole = performance.now() - begin
      expect(oci(['--systemd-cgroup', 'delete', '--force', id])).toMatchObject({ status: 0, stderr: '' })
      for (let round = 0; round < rounds; round += 1) {
        const { child, done } = launch(quiet)
        await new Promise(resolve => setTimeout(resolve, (whole * (round + 0.5)) / rounds))
        child.kill('SIGKILL')
        const { signal } = await done
        if (signal === 'SIGKILL' && oci(['state', id]).status !== 0) eventually(`${unit} to go`, () => !isLoaded(unit))
        expect(oci(['--systemd-cgroup', 'delete', '--force', id])).toMatchObject({ status: 0, stderr: '' })
        eventually(`${unit} to go`, () => !isLoaded(unit))
      }
    },
    300_000,
  )

  test.runIf(have('podman'))('podman with systemd as its cgroup manager', () => {
    const directory = makeDirectory()
    makeRootfs(join(directory, 'rootfs'))
    const name = fresh('p')
    const globals = ['--root', `${directory}/graph`, '--runroot', `${directory}/run`, '--tmpdir', `${directory}/tmp`]
    const podman = (...words: string[]) =>
      run(['podman', ...globals, '--cgroup-manager', 'systemd', '--runtime', runtime.path, ...words], {
        timeout: 120_000,
      })
    later(() => podman('rm', '--force', '--time', '0', name))
    const limits = ['--memory', '64m', '--pids-limit', '77', '--cpus', '0.5']
    const options = ['--network', 'none', '--log-driver', 'k8s-file', ...limits, '--name', name, '--rootfs']
    expect(podman('run', '--detach', ...options, `${directory}/rootfs`, 'sleep', '1000')).toMatchObject({ status: 0 })
    const { stdout } = podman('inspect', '--format', '{{.State.Pid}} {{.Id}}', name)
    const [pid, id] = stdout.trim().split(' ')
    const unit = `libpod-${id}.scope`
    expect(cgroupOf(Number(pid))).toBe(`/machine.slice/${unit}${BELOW}`)
    const file = (file: string) => readFileSync(`${tree}/machine.slice/${unit}${BELOW}/${file}`, 'utf8').trim()
    expect(['memory.max', 'pids.max', 'cpu.max'].map(file)).toEqual(['67108864', '77', '50000 100000'])
    expect(podman('rm', '--force', '--time', '0', name)).toMatchObject({ status: 0 })
    expect(isLoaded(unit)).toBe(false)
  })

  describe('as a user', () => {
    const user = withUser()
    let directory: string

    beforeAll(() => {
      const { uid } = user.current
      directory = `/run/user/${uid}`
      const { status, stderr } = systemctl('start', `user@${uid}.service`)
      if (status !== 0) throw new Error(stderr)
    })
    afterAll(() => {
      systemctl('stop', `user@${user.current.uid}.service`)
    })

    /** A command line as the user, who has a state root of their own. */
    function mine(env: Record<string, string>, ...words: string[]): string[] {
      const own = [runtime.path, '--root', `${directory}/containers`, '--systemd-cgroup', ...words]
      return user.current.wrap(own, { XDG_RUNTIME_DIR: directory, ...env })
    }

    function bundleOf(args: string[]): string {
      const { uid, gid } = user.current
      const bundle = makeBundle(config => {
        config.process.args = args
        config.linux.cgroupsPath = `user.slice:pre:${tag}`
        config.linux.namespaces = [
          ...config.linux.namespaces.filter(({ type }) => type !== 'network'),
          { type: 'user' },
        ]
        config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }]
        config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }]
        config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs' && type !== 'devpts')
        config.linux.resources = { pids: { limit: 77 } }
      })
      must(['chown', '-R', `${uid}:${gid}`, bundle.directory])
      return bundle.directory
    }

    test.for([
      { way: 'its bus', name: 'DBUS_SESSION_BUS_ADDRESS' },
      { way: 'XDG_RUNTIME_DIR', name: undefined },
    ])('the scope is one of the user’s systemd, found by $way', ({ name }, context) => {
      context.skip(name !== undefined && !existsSync(`${directory}/bus`), 'needs dbus-user-session')
      const env = name === undefined ? {} : { [name]: `unix:path=${directory}/bus` }
      const id = fresh()
      const words = mine(env, 'create', '--bundle', bundleOf(['sleep', '1000']), id)
      later(() => run(mine(env, 'delete', '--force', id)))
      expect(run(['sh', '-c', 'exec "$@" >/dev/null', 'sh', ...words])).toMatchObject({ status: 0, ...QUIET })
      const { pid } = JSON.parse(must(mine(env, 'state', id))) as { pid: number }
      const { uid } = user.current
      const scope = `/user.slice/user-${uid}.slice/user@${uid}.service/user.slice/pre-${tag}.scope`
      expect(cgroupOf(pid)).toBe(`${scope}${BELOW}`)
      expect(readFileSync(`${tree}${scope}${BELOW}/pids.max`, 'utf8')).toBe('77\n')
      expect(run(mine(env, 'delete', '--force', id))).toMatchObject({ status: 0, ...QUIET })
      expect(existsSync(`${tree}${scope}`)).toBe(false)
    })

    test.runIf(isTsrun)('without a systemd of the user the sentence says what to do (tsrun only)', () => {
      const { uid, gid } = user.current
      const elsewhere = makeDirectory()
      must(['chown', `${uid}:${gid}`, elsewhere])
      const words = mine({ XDG_RUNTIME_DIR: elsewhere }, 'create', '--bundle', bundleOf(['true']), fresh())
      systemctl('stop', `user@${uid}.service`)
      later(() => systemctl('start', `user@${uid}.service`))
      const result = run(words.map(word => (word === `${directory}/containers` ? `${elsewhere}/containers` : word)))
      expectOneSentence(result, /systemd does not answer at .*loginctl enable-linger/)
    })
  })
})
