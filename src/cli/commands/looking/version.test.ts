import { expect, test } from 'vitest'
import packageJson from '../../../../package.json'
import { features } from '../../../plan/features.ts'
import { versionText } from './version.ts'

const host = { engine: 'QuickJS', noBinary: undefined }

test('versionText() has the lines that callers look for', () => {
  const [name, commit, spec, engine, built] = versionText(host).split('\n')
  expect(name).toBe(`tsrun version ${packageJson.version}`)
  expect(commit).toMatch(/^commit: \S+$/)
  expect(spec).toMatch(/^spec: 1\.\d+\.\d+$/)
  expect(engine).toBe('engine: QuickJS')
  expect(built).toMatch(/^\+[A-Z0-9]+( \+[A-Z0-9]+)*$/)
})

test('versionText() claims what the features claim', () => {
  const { linux } = features()
  expect(versionText(host).includes('+SECCOMP')).toBe(linux?.seccomp?.enabled === true)
  expect(versionText(host).includes('+SYSTEMD')).toBe(linux?.cgroup?.systemd === true)
  expect(versionText(host).includes('+APPARMOR')).toBe(linux?.apparmor?.enabled === true)
  expect(versionText(host).includes('+SELINUX')).toBe(linux?.selinux?.enabled === true)
})

test('versionText() says why it is not the static binary', () => {
  const text = versionText({ engine: 'Node.js 20.1.0', noBinary: 'there is no C compiler' })
  expect(text).toContain('\nengine: Node.js 20.1.0 (no static binary: there is no C compiler)\n')
})
