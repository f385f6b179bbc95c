// `doctor`: what this host lacks, told before a container does. Each view of the machine here has one thing wrong with it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { have } from '../../lib/machine.ts'
import { type Result, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

interface Finding {
  area: string
  level: 'ok' | 'warning' | 'problem'
  text: string
  fix?: string
}

const doctor = [runtime.path, 'doctor', '--format', 'json']

function findings({ status, stdout, stderr }: Result): Finding[] {
  if (stderr !== '') throw new Error(stderr)
  const report = JSON.parse(stdout) as { possible: boolean; findings: Finding[] }
  expect(status).toBe(report.possible ? 0 : 1)
  expect(report.possible).toBe(!report.findings.some(({ level }) => level === 'problem'))
  for (const finding of report.findings) {
    expect(finding.text).toMatch(/^[^\n]+[^.\n]$/)
    expect(finding.fix === undefined).toBe(finding.level === 'ok')
  }
  return report.findings
}

/** The machine after a script in namespaces of its own. */
function after(script: string, ...namespaces: string[]): Finding[] {
  return findings(run(['unshare', '-m', ...namespaces, '--', 'sh', '-ec', `${script}\nexec "$@"`, 'sh', ...doctor]))
}

describe.skipIf(!isTsrun)('doctor (tsrun only)', () => {
  test('on this machine containers work, as the other tests show', () => {
    const found = findings(run(doctor))
    expect(found.filter(({ level }) => level === 'problem')).toEqual([])
    expect(found).toContainEqual(
      expect.objectContaining({ area: 'kernel', level: 'ok', text: expect.stringMatching(/^Linux \d/) }),
    )
    const { status, stdout } = run([runtime.path, 'doctor'])
    expect([status, stdout]).toEqual([0, expect.stringMatching(/\ncontainers work(; \d+ warnings?)?\n$/)])
  })

  test('a file in the place of /dev/null', () => {
    const file = join(makeDirectory(), 'file')
    writeFileSync(file, '')
    const found = after(`mount --bind ${file} /dev/null`)
    expect(found).toContainEqual(expect.objectContaining({ area: '/dev', level: 'problem' }))
  })

  test('no cgroups, and cgroups that can not be written', () => {
    const problem = expect.objectContaining({ area: 'cgroups', level: 'problem' })
    expect(after('umount -R /sys/fs/cgroup')).toContainEqual(problem)
    const found = after(
      'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; mount -o remount,bind,ro /sys/fs/cgroup',
    )
    expect(found).toContainEqual(
      expect.objectContaining({ level: 'problem', text: expect.stringContaining('can not be written') }),
    )
  })

  test('/proc that is something else', () => {
    const result = run(['unshare', '-m', '--', 'sh', '-ec', 'mount -t tmpfs none /proc\nexec "$@"', 'sh', ...doctor])
    expect(result.status).toBe(1)
  })

  test('limits on namespaces, and programs in memory that may not be executed', () => {
    const namespaces = after(
      'echo 0 >/proc/sys/user/max_net_namespaces; echo 0 >/proc/sys/user/max_time_namespaces',
      '-U',
      '-r',
    )
    expect(namespaces.filter(({ area, level }) => area === 'namespaces' && level !== 'ok')).toMatchObject([
      { level: 'problem', text: expect.stringContaining('network'), fix: 'sysctl user.max_net_namespaces=10000' },
      { level: 'warning', text: expect.stringContaining('time') },
    ])
    const memory = after('echo 2 >/proc/sys/vm/memfd_noexec', '-p', '-f', '--mount-proc')
    expect(memory).toContainEqual(expect.objectContaining({ level: 'problem', fix: 'sysctl vm.memfd_noexec=1' }))
  })

  test('capabilities that are missing', () => {
    const found = findings(run(['setpriv', '--bounding-set', '-sys_admin,-mknod', '--', ...doctor]))
    expect(
      found
        .filter(({ area, level }) => area === 'rights' && level !== 'ok')
        .map(({ level, text }) => [level, text.split(' ')[0]]),
    ).toEqual(
      expect.arrayContaining([
        ['problem', 'CAP_SYS_ADMIN'],
        ['warning', 'CAP_MKNOD'],
      ]),
    )
  })

  test('a user without privileges, without and with a place for containers', () => {
    const nowhere = findings(run(user.current.wrap(doctor, { XDG_RUNTIME_DIR: '/nowhere' })))
    expect(nowhere).toContainEqual(
      expect.objectContaining({ area: 'state', level: 'problem', fix: expect.stringContaining('XDG_RUNTIME_DIR') }),
    )
    const found = findings(run(user.current.wrap(doctor)))
    expect(found).toContainEqual({ area: 'ids', level: 'ok', text: expect.stringContaining(user.current.name) })
    expect(found).toContainEqual(expect.objectContaining({ area: 'state', level: 'ok' }))
  })

  test.skipIf(!have('podman'))('what podman needs to know, and where it does', () => {
    const file = join(makeDirectory(), 'containers.conf')
    const podman = () =>
      findings(run(doctor, { env: { ...process.env, CONTAINERS_CONF: file } })).filter(({ area }) => area === 'podman')
    writeFileSync(file, '')
    expect(podman()[0]?.fix).toContain(`\ntsrun = ["${runtime.path}"]`)
    writeFileSync(file, `[engine.runtimes]\ntsrun = ["${runtime.path}"]\n`)
    expect(podman()).toEqual([{ area: 'podman', level: 'ok', text: `\`${file}\` tells podman of tsrun` }])
  })

  test.skipIf(!have('podman'))('a file of its own tells podman, as a package brings it', () => {
    const script = 'mount -t tmpfs none /etc/containers; mkdir /etc/containers/containers.conf.d'
    const podman = (text: string) =>
      after(`${script}; printf '${text}' > /etc/containers/containers.conf.d/x.conf`).filter(
        ({ area }) => area === 'podman',
      )
    expect(podman('')).toMatchObject([{ level: 'warning' }])
    expect(podman('[engine.runtimes]\\ntsrun = ["/usr/bin/tsrun"]\\n')).toMatchObject([
      { level: 'ok', text: expect.stringContaining('containers.conf.d/x.conf') },
    ])
  })

  test('which engine runs the program', () => {
    expect(findings(run(doctor))).toContainEqual({
      area: 'tsrun',
      level: 'ok',
      text: expect.stringMatching(/^the program runs on (QuickJS|Node\.js \d+\.\d+\.\d+)$/),
    })
  })

  test('colours are for terminals, and not for who sets NO_COLOR', () => {
    const typescript = join(makeDirectory(), 'typescript')
    const on = (words: string, env: object) => {
      run(['script', '-qec', `${runtime.path} --root ${sceneDirectory} ${words}`, typescript], {
        env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env },
      })
      return readFileSync(typescript, 'utf8')
    }
    for (const words of ['doctor', 'list', '--help']) {
      expect(on(words, {})).toContain('\x1b[')
      expect(on(words, { NO_COLOR: '1' })).not.toContain('\x1b[')
      expect(run([runtime.path, ...words.split(' ')], { env: { ...process.env, TERM: 'xterm' } }).stdout).not.toContain(
        '\x1b[',
      )
    }
  })

  test('nothing is changed', () => {
    const root = join(sceneDirectory, 'none')
    expect(run([runtime.path, '--root', root, 'doctor']).status).toBe(0)
    expect(run(['ls', root]).status).not.toBe(0)
  })
})
