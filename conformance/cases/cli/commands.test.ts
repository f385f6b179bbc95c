// The command line itself: help, version, features, spec.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, oci } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { makeRootfs } from '../../lib/rootfs.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const VERBS = 'create start state kill delete run list features spec ps pause resume update'.split(' ')

test.each(['--version', '-v'])('%s tells name, version and specification', flag => {
  if (isCrun && flag === '-v') return
  const text = must([runtime.path, flag])
  expect(text).toMatch(/^(tsrun|runc|crun) version \d+\.\d+/)
  expect(text).toMatch(/^spec: 1\.\d+\.\d+/m)
})

test('--help lists every command, on stdout, with success', () => {
  const text = must([runtime.path, '--help'])
  for (const verb of VERBS) expect(text).toMatch(new RegExp(`\\b${verb}\\b`))
})

test.each(VERBS)('%s --help tells its options, on stdout, with success', verb => {
  expect(must([runtime.path, verb, '--help'])).toMatch(new RegExp(`\\b${verb}\\b`))
})

test('features is one JSON document that tells the versions', () => {
  const features = JSON.parse(oci(['features']).stdout)
  expect(features).toMatchObject({
    ociVersionMin: expect.stringMatching(/^1\./),
    ociVersionMax: expect.stringMatching(/^1\./),
  })
  expect(features.hooks).toEqual(
    expect.arrayContaining(['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop']),
  )
  expect(features.linux.namespaces).toEqual(
    expect.arrayContaining(['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup']),
  )
  expect(features.mountOptions).toEqual(expect.arrayContaining(['ro', 'rbind', 'rro', 'rprivate']))
})

test('features without a state root does not make one', () => {
  const root = join(makeDirectory(), 'state')
  expect(run([runtime.path, '--root', root, 'features']).status).toBe(0)
  if (isTsrun) expect(existsSync(root)).toBe(false)
})

test('spec writes a configuration that runs', () => {
  const directory = makeDirectory()
  expect(oci(['spec', '--bundle', directory])).toMatchObject({ status: 0 })
  makeRootfs(join(directory, 'rootfs'))
  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Config
  expect(config.ociVersion).toMatch(/^1\./)
  expect(config.process.terminal).toBe(true)
  config.process.terminal = false
  config.process.args = ['echo', 'from spec']
  writeFileSync(path, JSON.stringify(config))
  expect(oci(['run', '--bundle', directory, fresh()])).toMatchObject({ status: 0, stdout: 'from spec\n' })
})

test('spec does not overwrite a configuration', () => {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'config.json'), 'mine')
  expectOneSentence(oci(['spec', '--bundle', directory]), /config\.json/)
  expect(readFileSync(join(directory, 'config.json'), 'utf8')).toBe('mine')
})

test('spec writes to the current directory', () => {
  const directory = makeDirectory()
  expect(oci(['spec'], { cwd: directory }).status).toBe(0)
  expect(existsSync(join(directory, 'config.json'))).toBe(true)
})

test('spec --rootless has a user namespace with the caller mapped, and no network namespace', () => {
  const directory = makeDirectory()
  expect(oci(['spec', '--rootless', '--bundle', directory]).status).toBe(0)
  const { linux } = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8')) as Config
  const types = linux.namespaces.map(({ type }) => type)
  expect(types).toContain('user')
  if (!isCrun) expect(types).not.toContain('network')
  expect(linux.uidMappings).toEqual([{ containerID: 0, hostID: 0, size: 1 }])
})

test.skipIf(!isTsrun)('spec --host-rootfs writes a bundle that runs with nothing else (tsrun only)', () => {
  const directory = makeDirectory()
  expect(oci(['spec', '--host-rootfs', '--bundle', directory])).toMatchObject({ status: 0, stderr: '' })
  const path = join(directory, 'config.json')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Config
  config.process.args = ['sh', '-c', 'id -u; cat /proc/1/comm; touch /usr/x 2>/dev/null || echo read-only']
  writeFileSync(path, JSON.stringify(config))
  expect(oci(['run', '--bundle', directory, fresh()])).toMatchObject({ status: 0, stdout: '0\nsh\nread-only\n' })
})

test.skipIf(isCrun)('list of a --root that is not there is an error (crun: makes it)', () => {
  const { status, stdout, stderr } = run(command('--root', join(makeDirectory(), 'none'), 'list'))
  expect([status, stdout]).toEqual([1, ''])
  if (isTsrun) expect(stderr).toMatch(/^tsrun: list: there is no directory `.*none`, which --root names\n$/)
})

test('list of nothing is empty', () => {
  expect(oci(['list', '-q'])).toMatchObject({ status: 0, stdout: '' })
  expect(JSON.parse(oci(['list', '--format', 'json']).stdout) ?? []).toEqual([])
})

test.skipIf(!isTsrun)('an abbreviated or misspelt command gets a suggestion (tsrun only)', () => {
  expectOneSentence(oci(['sttae', 'x']), /state/)
})
