import { expect, test } from 'vitest'
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from '../../native/abi/mount.ts'
import { ST_NOATIME, ST_NOSUID, ST_NOSYMFOLLOW, ST_RDONLY, ST_RELATIME } from '../../native/abi/wait.ts'
import { attributesOfStatus, changed, flagsOfAttributes, flagsOfSuperblock, optionsText } from './mountFlags.ts'

test.each([
  [ST_RDONLY | ST_RELATIME, MOUNT_ATTR_RDONLY, MS_RDONLY | MS_RELATIME],
  [ST_NOATIME | ST_NOSYMFOLLOW, MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOSYMFOLLOW, MS_NOATIME | MS_NOSYMFOLLOW],
  [ST_NOSUID, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, MOUNT_ATTR_NOSUID | MS_STRICTATIME],
])(
  'what statfs(2) tells as %i is the same mount for mount_setattr(2) and for mount(2)',
  (status, attributes, flags) => {
    expect(attributesOfStatus(status)).toBe(attributes)
    expect(flagsOfAttributes(attributes)).toBe(flags)
  },
)

test('changed() sets and clears bits, and the access time only as a whole', () => {
  expect(changed(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY)).toBe(
    MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
  )
  expect(changed(MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME, 0)).toBe(MOUNT_ATTR_NOATIME)
  expect(changed(MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)).toBe(MOUNT_ATTR_STRICTATIME)
  expect(changed(MOUNT_ATTR_NOATIME, 0, MOUNT_ATTR__ATIME)).toBe(0)
})

test('flagsOfSuperblock() knows the words of fsconfig(2), and what is usual is no flag', () => {
  expect(flagsOfSuperblock(['sync', 'rw', 'nolazytime'])).toBe(MS_SYNCHRONOUS)
})

test('optionsText() quotes a value that has a comma of its own', () => {
  const parameters = [{ key: 'mode', value: '755' }, { key: 'nosmack' }, { key: 'context', value: 'a:b:c0,c1' }]
  expect(optionsText(parameters)).toBe('mode=755,nosmack,context="a:b:c0,c1"')
})
