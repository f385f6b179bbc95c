// podman as a distribution sets it up: systemd makes the cgroups, every container has limits, a seccomp and an AppArmor
// profile. As root, and as a user who has a systemd too.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordFigures } from '../lib/figures.ts'
import { cgroup2Mount, field } from '../lib/machine.ts'
import { makeRootfs } from '../lib/rootfs.ts'
import { eventually, must, type Result, run } from '../lib/run.ts'
import { runtime } from '../lib/runtime.ts'
import { fresh, sceneDirectory } from '../lib/scene.ts'
import { withUser } from '../lib/user.ts'

const IMAGE = 'localhost/busybox-image'
const TIMEOUT = 300_000

/** The default capabilities: chown to setuid without mknod and those for raw sockets, and sys_chroot and setfcap. */
const CAPABILITIES = '00000000800405fb'

/** What a container sees of its confinement. */
const LOOK = 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; cat /proc/self/attr/current; cat /proc/self/status'
/** More processes than the limit allows. */
const FORKS = 'for i in $(seq 60); do sleep 1 & done'
const LIMITS = ['--memory', '100m', '--cpus', '0.5', '--pids-limit', '50']

const user = withUser()

beforeAll(() => {
  makeRootfs(join(sceneDirectory, 'image'))
  must(['tar', '-C', join(sceneDirectory, 'image'), '-cf', join(sceneDirectory, 'image.tar'), '.'])
})

type Wrap = (words: readonly string[]) => string[]

function cases(who: string, wrap: Wrap, profile: RegExp): void {
  const podman = (...words: string[]): Result =>
    run(wrap(['podman', '--runtime', runtime.path, ...words]), { timeout: TIMEOUT })
  const successful = (...words: string[]): string => {
    const { status, stdout, stderr } = podman(...words)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout.trim()
  }
  const inContainer = (...words: string[]) => successful('run', '--rm', '--network', 'none', ...words)

  beforeAll(() => {
    const { status, stderr } = podman('import', join(sceneDirectory, 'image.tar'), IMAGE)
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) })
  }, TIMEOUT)
  afterAll(() => {
    podman('rm', '--all', '--force', '--time', '0')
  }, TIMEOUT)

  test(`${who}: systemd makes the cgroups`, () => {
    expect(successful('info', '--format', '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}')).toBe('systemd v2')
  })

  test(`${who}: limits that are asked for, the default capabilities and profiles`, () => {
    const lines = inContainer(...LIMITS, IMAGE, 'sh', '-c', `${LOOK}; (${FORKS}) 2>&1; true`).split('\n')
    const status = lines.join('\n')
    const seen = ['Seccomp', 'CapEff'].map(name => `${name} ${field(status, name)}`)
    recordFigures(`podman run ${LIMITS.join(' ')} (${who})`, [...lines.slice(0, 4), ...seen].join(', '), lines.at(-1)!)
    expect(lines.slice(0, 3)).toEqual(['104857600', '50000 100000', '50'])
    expect(lines[3]).toMatch(profile)
    expect(['Seccomp', 'CapEff', 'CapBnd'].map(name => field(status, name))).toEqual(['2', CAPABILITIES, CAPABILITIES])
    expect(lines.at(-1)).toMatch(/can't fork/)
  })

  test(`${who}: without being asked for, a limit of processes`, () => {
    expect(inContainer(IMAGE, 'cat', '/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/memory.max')).toBe('2048\nmax')
  })

  test(`${who}: the default network has an interface`, () => {
    expect(successful('run', '--rm', IMAGE, 'sh', '-c', 'ip -o addr show scope global | wc -l')).not.toBe('0')
  })

  // Debian 12's conmon leaves OOMKilled false, with crun and runc, too.
  test(`${who}: out of memory is exit code 137, and counted in the cgroup`, () => {
    const script =
      'cd /sys/fs/cgroup; cat memory.max; tail /dev/zero; code=$?; grep "^oom_kill " memory.events; exit $code'
    const limited = ['run', '--rm', '--network', 'none', '--memory', '24m']
    const { status, stdout } = podman(...limited, IMAGE, 'sh', '-c', script)
    const [limit, ...events] = stdout.trim().split('\n')
    recordFigures(
      `podman run --memory 24m (${who})`,
      `memory.max ${limit}`,
      `exit code ${status}, ${events.join(', ')}`,
    )
    expect({ status, limit, events }).toEqual({ status: 137, limit: '25165824', events: ['oom_kill 1'] })
  })

  test(`${who}: a scope that ends with the container; exec is confined in it`, () => {
    const name = fresh('p')
    successful('run', '-d', '--name', name, '--network', 'none', ...LIMITS, IMAGE, 'sleep', '1000')
    const pid = successful('inspect', '--format', '{{.State.Pid}}', name)
    const cgroup = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().replace('0::', cgroup2Mount()!)
    expect(cgroup).toMatch(/\/libpod-[0-9a-f]{64}\.scope(\/|$)/)
    const seen = successful('exec', name, 'sh', '-c', LOOK)
    expect(seen).toMatch(/^104857600\n50000 100000\n50\n/)
    expect(field(seen, 'Seccomp')).toBe('2')
    successful('rm', '--force', '--time', '0', name)
    eventually('the scope to be gone', () => !existsSync(cgroup))
  })
}

describe('root', () => {
  cases('root', words => ['env', `HOME=${process.env['HOME']}`, ...words], /^containers-default-.* \(enforce\)$/)
})

describe('a user', () => {
  const unit = () => `user@${user.current.uid}.service`
  beforeAll(() => void must(['systemctl', 'start', unit()]), TIMEOUT)
  afterAll(() => void run(['systemctl', 'stop', unit()]), TIMEOUT)

  const wrap: Wrap = words => {
    const directory = `/run/user/${user.current.uid}`
    return user.current.wrap(words, {
      XDG_RUNTIME_DIR: directory,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${directory}/bus`,
    })
  }
  // podman does not load profiles without privileges.
  cases('user', wrap, /^(unconfined|containers-default-.*)$/)
})
