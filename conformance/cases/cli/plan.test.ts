// `tsrun plan`: what create and start would do. Shown on a good bundle, on one that differs a little, and on a hostile one.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bundle, makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { inside, oci } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

interface Step {
  phase: string
  action: string
  subject: string
  details: Record<string, unknown>
  pointer?: string
}

function plan({ directory }: Bundle, ...flags: string[]): Step[] {
  const { status, stdout, stderr } = oci([...flags, 'plan', '--format', 'json', directory])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return (JSON.parse(stdout) as { steps: Step[] }).steps
}

function richConfig(config: Config): void {
  config.process.args = ['cat', '/proc/self/mountinfo']
  config.process.oomScoreAdj = 500
  config.mounts.push({ destination: '/srv', source: '/usr', options: ['rbind', 'ro', 'rnosuid', 'rprivate'] })
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
  config.hooks = { prestart: [{ path: '/bin/true' }], poststop: [{ path: '/bin/true', args: ['true', 'x'] }] }
  config.linux.resources!['unified'] = { 'hugetlb.2MB.max': '4194304' }
  config.linux['seccomp'] = {
    defaultAction: 'SCMP_ACT_ALLOW',
    flags: ['SECCOMP_FILTER_FLAG_LOG'],
    syscalls: [{ names: ['acct'], action: 'SCMP_ACT_ERRNO' }],
  }
}

describe.runIf(isTsrun)('a good bundle', () => {
  test('is told step by step, in the order of create, start and delete', () => {
    const bundle = makeBundle(richConfig)
    const steps = plan(bundle)
    expect(steps.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1])).toEqual([
      'create',
      'start',
      'delete',
    ])
    const at = (action: string, subject?: string) =>
      steps.findIndex(step => step.action === action && (subject === undefined || step.subject === subject))
    const order = [
      at('directory'),
      at('cgroup'),
      at('clone'),
      at('root'),
      at('mount', '/proc'),
      at('bind', '/srv'),
      at('device', '/dev/null'),
      at('write', 'hugetlb.2MB.max'),
      at('filter', 'devices'),
      at('hook', '/bin/true'),
      at('mask', '/proc/kcore'),
      at('pivot_root'),
      at('write', '/proc/sys/net/ipv4/ip_forward'),
      at('capabilities'),
      at('filter', 'system calls'),
      at('execve', 'cat'),
    ]
    expect(order).not.toContain(-1)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(steps[at('bind', '/srv')]).toEqual({
      phase: 'create',
      action: 'bind',
      subject: '/srv',
      details: { source: '/usr', recursive: true, attributes: ['ro', 'rnosuid'], propagation: ['rprivate'] },
      pointer: '/mounts/6',
    })
    expect(steps[at('write', 'hugetlb.2MB.max')]!.details).toEqual({ value: '4194304' })
    expect(steps[at('filter', 'system calls')]!.details).toEqual({ instructions: expect.any(Number), flags: ['LOG'] })
    expect(steps[at('capabilities')]!.details['bounding']).toEqual([
      'CAP_KILL',
      'CAP_NET_BIND_SERVICE',
      'CAP_AUDIT_WRITE',
    ])
    expect(existsSync(join(stateRoot, bundle.directory.split('/').at(-1)!))).toBe(false)
  })

  test('has the mounts that the container then has', () => {
    const planned = plan(makeBundle(richConfig)).filter(({ action }) => action === 'mount' || action === 'bind')
    const real = inside('cut -d" " -f5 /proc/self/mountinfo', config => {
      richConfig(config)
      config.process.args = ['sh', '-c', 'cut -d" " -f5 /proc/self/mountinfo']
    }).split('\n')
    for (const { subject } of planned) expect(real).toContain(subject)
  })

  test('reads as text, a line for each step', () => {
    const { stdout } = oci(['plan', makeBundle(richConfig).directory])
    expect(stdout).toMatch(/^create\n {3}1 {2}directory /)
    expect(stdout).toMatch(
      /^ +\d+ {2}bind {9}\/srv {2}source=\/usr {2}recursive {2}attributes=ro,rnosuid {2}propagation=rprivate$/m,
    )
    expect(stdout).toMatch(/^start\n/m)
    expect(stdout).toMatch(/^delete\n +\d+ {2}hook {9}\/bin\/true {2}moment=poststop {2}args=x\n$/m)
  })
})

describe.runIf(isTsrun)('a bundle that differs a little', () => {
  test('is compared by --diff: nothing for a twin, whose directory does not count', () => {
    const { status, stdout } = oci([
      'plan',
      '--diff',
      makeBundle(richConfig).directory,
      makeBundle(richConfig).directory,
    ])
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })

  test('shows what is taken out and put in', () => {
    const other = makeBundle(config => {
      richConfig(config)
      config.mounts[6]!.options = ['rbind', 'rw']
      config.process.capabilities!['bounding'] = ['CAP_KILL', 'CAP_SYS_ADMIN']
      config.linux.maskedPaths!.pop()
    })
    const { status, stdout } = oci(['plan', '--diff', other.directory, makeBundle(richConfig).directory])
    expect(status).toBe(1)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(5)
    expect(lines[0]).toMatch(/^- create bind +\/srv {2}source=\/usr {2}recursive {2}attributes=ro,rnosuid/)
    expect(lines[1]).toMatch(
      /^\+ create bind +\/srv {2}source=\/usr {2}recursive {2}attributes=rw,suid,dev,exec,symfollow$/,
    )
    expect(lines[2]).toMatch(/^- create mask +\/sys\/firmware$/)
    expect(lines[3]).toMatch(/^- start {2}capabilities .*bounding=CAP_KILL,CAP_NET_BIND_SERVICE,CAP_AUDIT_WRITE/)
    expect(lines[4]).toMatch(/^\+ start {2}capabilities .*bounding=CAP_KILL,CAP_SYS_ADMIN/)
    const json = oci(['plan', '--format', 'json', '--diff', other.directory, makeBundle(richConfig).directory])
    const { removed, added } = JSON.parse(json.stdout) as Record<string, Step[]>
    expect([removed!.length, added!.length]).toEqual([3, 2])
  })

  test('depends on the options as create does', () => {
    const bundle = makeBundle()
    expect(plan(bundle, '--cgroup-manager', 'disabled').some(({ action }) => action === 'cgroup')).toBe(false)
    const systemd = plan(bundle, '--systemd-cgroup').find(({ action }) => action === 'scope')
    expect(systemd).toMatchObject({
      subject: expect.stringMatching(/^tsrun-.*\.scope$/),
      details: { slice: 'system.slice' },
    })
    const { stdout } = oci(['plan', '--id', 'web', bundle.directory])
    expect(stdout).toContain('/tsrun-web\n')
  })
})

describe.runIf(isTsrun)('a hostile bundle', () => {
  test('is refused with the words of create', () => {
    const bundle = makeBundle(config => config.mounts.push({ destination: '/proc/self/fd', type: 'tmpfs' }))
    const planned = oci(['plan', bundle.directory])
    expectOneSentence(planned, /\/mounts\/6\/destination: `\/proc\/self\/fd` is inside `\/proc`/)
    const created = oci(['create', '--bundle', bundle.directory, 'never'])
    const reason = (text: string) => text.slice(text.indexOf('/mounts/6'))
    expect(reason(planned.stderr)).toBe(reason(created.stderr))
  })

  test('can not break the lines of the text', () => {
    const { stdout } = oci([
      'plan',
      makeBundle(config => {
        config.process.args = ['sh', '-c', 'a\nstart\n  1  execve  /bin/false']
        config.mounts.push({ destination: '/x\n  9  mount  /etc', type: 'tmpfs' })
      }).directory,
    ])
    expect(stdout).not.toMatch(/^ {2}[19] {2}(execve|mount) {2}\//m)
    expect(stdout.match(/^start$/gm)).toHaveLength(1)
  })

  test.each([['missing', /does not exist/]])('that is %s', (name, words) => {
    expectOneSentence(oci(['plan', `/nonexistent/${name}`]), words)
  })
})
