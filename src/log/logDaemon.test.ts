import { expect, test } from 'vitest'
import { daemonMessage, readDaemon, unknownKind } from './logDaemon.ts'

test('readDaemon() knows two daemons by name, and everything else is a file', () => {
  expect(readDaemon('journald:c1')).toEqual({ name: 'journald', id: 'c1' })
  expect(readDaemon('syslog:')).toEqual({ name: 'syslog', id: 'tsrun' })
  for (const file of ['', 'journald', '/journald:c1', 'file:syslog:x', 'xsyslog:x'])
    expect(readDaemon(file)).toBe(undefined)
})

test('unknownKind() finds a word in front that names no kind, and leaves paths alone', () => {
  expect(unknownKind('invalid:/path')).toBe('invalid')
  expect(unknownKind('journal:c1')).toBe('journal')
  for (const known of ['', 'a.log', 'journald:c1', 'syslog:', 'file:a:b', '/a:b', './a:b', 'a/b:c'])
    expect(unknownKind(known)).toBe(undefined)
})

test('a name can not begin a field of its own', () => {
  expect(readDaemon('journald:a\nPRIORITY=0')).toEqual({ name: 'journald', id: 'aPRIORITY=0' })
})

test('daemonMessage() has the fields of the journal, and the form of syslog(3)', () => {
  expect(daemonMessage({ name: 'journald', id: 'c1' }, 'error', 'it broke')).toBe(
    'PRIORITY=3\nSYSLOG_IDENTIFIER=c1\nID=c1\nMESSAGE=it broke\n',
  )
  expect(daemonMessage({ name: 'syslog', id: 'c1' }, 'debug', 'so far')).toBe('<15>c1: so far')
})
