// Options that no topic of its own looks at, and the forms in which they may be written.

import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { createRunning, oci, removeLater } from '../../lib/container.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const echo = () => makeBundle(config => (config.process.args = ['echo', 'here']))

test.skipIf(isRunc)('--config reads another file than config.json (runc: no such option)', () => {
  const bundle = echo()
  const file = join(makeDirectory(), 'other.json')
  renameSync(join(bundle.directory, 'config.json'), file)
  const result = oci(['run', '--bundle', bundle.directory, '--config', file, fresh()])
  expect(result).toMatchObject({ status: 0, stdout: 'here\n' })
})

test('the bundle is the current directory when none is named', () => {
  expect(oci(['run', fresh()], { cwd: echo().directory })).toMatchObject({ status: 0, stdout: 'here\n' })
})

test('run takes --no-subreaper', () => {
  const words = ['run', '--no-subreaper', '--bundle', echo().directory, fresh()]
  expect(oci(words)).toMatchObject({ status: 0, stdout: 'here\n' })
})

test.skipIf(isCrun)('a long option may have one dash only, as Go programs write it (crun: letters)', () => {
  const words = ['run', '-no-subreaper', '-bundle', echo().directory, fresh()]
  expect(oci(words)).toMatchObject({ status: 0, stdout: 'here\n' })
})

test.skipIf(!isTsrun)('an abbreviated option is refused, and its whole name told (tsrun only)', () => {
  const { status, stderr } = oci(['run', '--bundl', '/b', fresh()])
  expect(status).toBe(1)
  expect(stderr).toContain('did you mean `--bundle`?')
})

test.skipIf(isRunc)('kill --regex and delete --regex work on every id that matches (runc: no such option)', () => {
  const [one, two] = [createRunning(), createRunning()]
  const pattern = `^(${one.id}|${two.id})$`
  expect(oci(['kill', '--regex', pattern, 'KILL'])).toMatchObject({ status: 0 })
  expect(oci(['delete', '--force', '--regex', pattern])).toMatchObject({ status: 0 })
  expect(oci(['list', '-q']).stdout).toBe('')
})

test('list --quiet is the ids and nothing else', () => {
  const { id } = createRunning()
  expect(oci(['list', '--quiet'])).toMatchObject({ status: 0, stdout: `${id}\n` })
})

test('list --format json has what callers read', () => {
  const { id, bundle } = createRunning()
  const [entry, ...others] = JSON.parse(oci(['list', '--format', 'json']).stdout) as Record<string, unknown>[]
  expect(others).toEqual([])
  expect(entry).toMatchObject({ id, status: 'running', bundle: bundle.directory, owner: 'root' })
  expect(entry?.['pid']).toBeGreaterThan(0)
  expect(Date.parse(entry?.['created'] as string)).toBeGreaterThan(0)
})

test('the table of list has a line of titles', () => {
  const { id } = createRunning()
  const [titles, line] = oci(['list']).stdout.split('\n')
  expect(titles).toMatch(/^(ID|NAME) +PID +STATUS +BUNDLE( PATH)? +CREATED +OWNER *$/)
  expect(line).toMatch(new RegExp(`^${id} +\\d+ +running +/`))
})

test.skipIf(isRunc)('spec --file names the file (runc: no such option)', () => {
  const directory = makeDirectory()
  expect(oci(['spec', '--bundle', directory, '--file', 'other.json'])).toMatchObject({ status: 0 })
  expect(existsSync(join(directory, 'other.json'))).toBe(true)
})

test.skipIf(!isTsrun)('spec is the container that runc and crun begin with', () => {
  const directory = makeDirectory()
  oci(['spec', '--bundle', directory])
  const { process, root, mounts, linux } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
  expect(process).toMatchObject({ terminal: true, args: ['sh'], cwd: '/', noNewPrivileges: true })
  expect(root).toEqual({ path: 'rootfs', readonly: true })
  expect(mounts.map(({ destination }: { destination: string }) => destination)).toEqual(
    '/proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup'.split(' '),
  )
  expect(linux.namespaces.map(({ type }: { type: string }) => type).sort()).toEqual([
    'cgroup',
    'ipc',
    'mount',
    'network',
    'pid',
    'uts',
  ])
  expect(linux.maskedPaths).toContain('/proc/kcore')
  expect(linux.readonlyPaths).toContain('/proc/sys')
})

test.skipIf(isRunc)('-? and --usage show help, -V the version (runc: no such options)', () => {
  expect(must([runtime.path, '-?'])).toContain('create')
  expect(must([runtime.path, '--usage'])).toMatch(/usage|OPTION/i)
  expect(must([runtime.path, '-V'])).toContain('version')
})

test.skipIf(!isTsrun)('--criu is taken and means nothing (runc: 1.3 with a warning, then gone)', () => {
  expect(run([runtime.path, '--criu', '/bin/criu', 'features'])).toMatchObject({ status: 0, stderr: '' })
})

test.each(['true', 'false', 'auto'])('--rootless %s is taken before the command (crun: ignored)', value => {
  const id = removeLater(fresh())
  const words = [`--rootless=${value}`, 'run', '--bundle', echo().directory, id]
  if (value !== 'true') expect(oci(words)).toMatchObject({ status: 0, stdout: 'here\n' })
  else expect(oci(words).stderr).not.toMatch(/usage|unknown|flag/i)
})
