import { expect, test } from 'vitest'
import packageJson from '../../../../package.json'
import { features } from '../../../plan/features.ts'
import { versionText } from './version.ts'

test('versionText() has the lines that callers look for', () => {
  const [name, commit, spec, built] = versionText().split('\n')
  expect(name).toBe(`tsrun version ${packageJson.version}`)
  expect(commit).toMatch(/^commit: \S+$/)
  expect(spec).toMatch(/^spec: 1\.\d+\.\d+$/)
  expect(built).toMatch(/^\+[A-Z0-9]+( \+[A-Z0-9]+)*$/)
})

test('versionText() claims what the features claim', () => {
  const { linux } = features()
  expect(versionText().includes('+SECCOMP')).toBe(linux?.seccomp?.enabled === true)
  expect(versionText().includes('+SYSTEMD')).toBe(linux?.cgroup?.systemd === true)
  expect(versionText().includes('+APPARMOR')).toBe(linux?.apparmor?.enabled === true)
  expect(versionText().includes('+SELINUX')).toBe(linux?.selinux?.enabled === true)
})
