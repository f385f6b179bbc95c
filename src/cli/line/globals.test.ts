import { expect, test } from 'vitest'
import { logSettings, readGlobals } from './globals.ts'
import { parse } from './parse.ts'

function globals(...words: string[]) {
  return parse([...words, 'list']).globals
}

test('logSettings() takes a path with and without its scheme', () => {
  expect(logSettings(globals('--log', '/l')).file).toBe('/l')
  expect(logSettings(globals('--log', 'file:l')).file).toBe('l')
  expect(logSettings(globals('--log=')).file).toBe(undefined)
  expect(logSettings(globals()).file).toBe(undefined)
})

test('logSettings() lets --debug win', () => {
  expect(logSettings(globals('--debug', '--log-level', 'error')).level).toBe('debug')
  expect(logSettings(globals('--log-level', 'warning')).level).toBe('warning')
})

test.each(['journald', 'syslog'])('logSettings() knows crun’s destination %s, which is no file', name => {
  expect(logSettings(globals('--log', `${name}:c1`))).toMatchObject({ file: undefined, daemon: { name, id: 'c1' } })
})

test('a log of no kind is refused, and no file is made of it', () => {
  expect(() => readGlobals(globals('--log', 'journal:c1'))).toThrow('`journal` is no kind of log')
  expect(logSettings(globals('--log', 'journal:c1'))).toMatchObject({ file: undefined, daemon: undefined })
  expect(logSettings(globals('--log', './journal:c1')).file).toBe('./journal:c1')
})

test('readGlobals() understands both ways to ask for systemd', () => {
  expect(readGlobals(globals('--systemd-cgroup')).cgroupManager).toBe('systemd')
  expect(readGlobals(globals('--cgroup-manager', 'systemd')).cgroupManager).toBe('systemd')
  expect(readGlobals(globals('--cgroup-manager=disabled')).cgroupManager).toBe('disabled')
  expect(readGlobals(globals())).toEqual({ root: undefined, cgroupManager: 'cgroupfs', rootless: 'auto' })
})

test('readGlobals() gives the file of --trace, which must have a name', () => {
  expect(readGlobals(globals('--trace', '/t.json')).trace).toBe('/t.json')
  expect(readGlobals(globals()).trace).toBe(undefined)
  expect(() => readGlobals(globals('--trace='))).toThrow('--trace: the name of a file is missing')
})
