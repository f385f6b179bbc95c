import { expect, test } from 'vitest'
import packageJson from '../../package.json'
import { versionText } from './version.ts'

test('versionText() has the lines that callers look for', () => {
  const [name, commit, spec, built] = versionText().split('\n')
  expect(name).toBe(`tsrun version ${packageJson.version}`)
  expect(commit).toMatch(/^commit: \S+$/)
  expect(spec).toMatch(/^spec: 1\.\d+\.\d+$/)
  expect(built).toMatch(/^\+[A-Z0-9]+( \+[A-Z0-9]+)*$/)
})
