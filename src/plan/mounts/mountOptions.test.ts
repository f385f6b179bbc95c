import { expect, test } from 'vitest'
import { MS_PRIVATE, MS_SLAVE } from '../../../native/abi/mount.ts'
import { accessTimeWord, attributeWords, mountOptionNames, parseMountOptions, propagationWord } from './mountOptions.ts'

// config.md of runtime-spec 1.3, "Linux mount options", in its order.
const specified =
  `async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime
  noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime
  relatime remount rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate
  rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid
  symfollow sync tmpcopyup unbindable idmap ridmap`.split(/\s+/)

const RDONLY = 1
const NOSUID = 2
const NODEV = 4
const NOEXEC = 8
const ATIME = 0x70
const NOATIME = 0x10
const STRICTATIME = 0x20

test('the table has the 61 words of the specification', () => {
  expect(specified).toHaveLength(61)
  expect(mountOptionNames()).toEqual(expect.arrayContaining(specified))
  for (const word of specified) expect(parseMountOptions([word]).data, word).toEqual([])
})

test('every word of the table changes something, but for those that the new mount calls do not know', () => {
  const nothing = parseMountOptions([])
  const silent = mountOptionNames().filter(
    word => JSON.stringify(parseMountOptions([word])) === JSON.stringify(nothing),
  )
  const preserving = ['rnorelatime'] // `norelatime` names an attribute, which says something about a bind
  expect(silent).toEqual(['defaults', 'iversion', 'loud', 'noiversion', ...preserving, 'silent'].sort())
})

test('parseMountOptions() takes no word of Object.prototype for an option', () => {
  expect(parseMountOptions(['constructor', '__proto__']).data).toEqual([{ key: 'constructor' }, { key: '__proto__' }])
})

test('parseMountOptions() lets a later word win', () => {
  expect(parseMountOptions(['ro', 'rw'])).toMatchObject({ attributes: { set: 0, clear: RDONLY }, superblock: ['rw'] })
  expect(parseMountOptions(['dev', 'sync', 'nodev', 'async'])).toMatchObject({
    attributes: { set: NODEV, clear: 0 },
    superblock: ['async'],
  })
})

test('parseMountOptions() keeps the mount and the tree below it apart', () => {
  const options = parseMountOptions(['rbind', 'nosuid', 'rro', 'rexec'])
  expect(options.attributes).toEqual({ set: NOSUID, clear: 0 })
  expect(options.recursive).toEqual({ set: RDONLY, clear: NOEXEC })
})

test.each([
  [['noatime'], NOATIME],
  [['strictatime'], STRICTATIME],
  [['relatime'], 0],
  [['noatime', 'strictatime'], STRICTATIME],
  [['strictatime', 'atime'], STRICTATIME],
  [['strictatime', 'norelatime'], STRICTATIME],
])('parseMountOptions() makes one value of the access time field out of %j', (words, value) => {
  expect(parseMountOptions(words).attributes).toEqual({ set: value, clear: ATIME })
  expect(parseMountOptions(words.map(word => `r${word}`)).recursive).toEqual({ set: value, clear: ATIME })
})

test.each([[['noatime', 'atime']], [['atime']], [['strictatime', 'nostrictatime']]])(
  'parseMountOptions() leaves the access time of a mount to its source after %j, not that of a tree',
  words => {
    expect(parseMountOptions(words).attributes).toEqual({ set: 0, clear: 0 })
    expect(parseMountOptions(words.map(word => `r${word}`)).recursive).toEqual({ set: 0, clear: ATIME })
  },
)

test('parseMountOptions() leaves the access time alone when nothing is said', () => {
  expect(parseMountOptions(['nodiratime']).attributes).toEqual({ set: 0x80, clear: 0 })
  expect(parseMountOptions(['norelatime']).attributes).toEqual({ set: 0, clear: 0 })
})

test('parseMountOptions() keeps the order of propagation', () => {
  expect(parseMountOptions(['rslave', 'shared']).propagation).toEqual([
    { flag: 0x80000, recursive: true },
    { flag: 0x100000, recursive: false },
  ])
})

test('parseMountOptions() does not make a recursive bind flat', () => {
  expect(parseMountOptions(['rbind', 'bind']).bind).toBe('rbind')
  expect(parseMountOptions(['bind', 'rbind']).bind).toBe('rbind')
  expect(parseMountOptions(['bind']).bind).toBe('bind')
})

test('parseMountOptions() takes the mapping out of an inline idmap', () => {
  expect(parseMountOptions(['idmap=uids=0-1-2;gids=0-1-2'])).toMatchObject({
    idmap: 'idmap',
    idmapText: 'uids=0-1-2;gids=0-1-2',
    data: [],
  })
  expect(parseMountOptions(['ridmap'])).toMatchObject({ idmap: 'ridmap', idmapText: undefined })
})

test('parseMountOptions() splits the data of the file system', () => {
  expect(
    parseMountOptions(['size=64k', 'mode=755,uid=0', 'newinstance', 'context="u:r:t:c1,c2"', 'a=b=c']).data,
  ).toEqual([
    { key: 'size', value: '64k' },
    { key: 'mode', value: '755' },
    { key: 'uid', value: '0' },
    { key: 'newinstance' },
    { key: 'context', value: 'u:r:t:c1,c2' },
    { key: 'a', value: 'b=c' },
  ])
})

test('every attribute of the table has its words, and no other', () => {
  expect(attributeWords.map(({ bit, set, clear }) => `${bit.toString(16)} ${set} ${clear}`)).toEqual([
    '1 ro rw',
    '2 nosuid suid',
    '4 nodev dev',
    '8 noexec exec',
    '80 nodiratime diratime',
    '200000 nosymfollow symfollow',
  ])
  expect([0, 0x10, 0x20].map(accessTimeWord)).toEqual(['relatime', 'noatime', 'strictatime'])
  expect([MS_PRIVATE, MS_SLAVE].map(propagationWord)).toEqual(['private', 'slave'])
})
