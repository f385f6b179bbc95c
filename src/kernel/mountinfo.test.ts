import { expect, test } from 'vitest'
import { parseMountinfo, topmost } from './mountinfo.ts'

const TEXT = `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
37 36 0:45 / /mnt2/with\\040blank ro - tmpfs none rw
38 36 0:46 / /mnt2 ro - tmpfs top rw
`

test('parseMountinfo() understands any number of tags, and blanks in names', () => {
  const [first, second] = parseMountinfo(TEXT)
  expect(first).toEqual({
    id: 36,
    parent: 35,
    device: '98:0',
    root: '/mnt1',
    target: '/mnt2',
    options: ['rw', 'noatime'],
    tags: ['master:1', 'shared:2'],
    type: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  })
  expect(second).toMatchObject({ target: '/mnt2/with blank', tags: [], type: 'tmpfs' })
})

test('topmost() finds what lies on top, whatever the order of the lines', () => {
  const rows = parseMountinfo(TEXT)
  expect(topmost(rows, '/mnt2')?.source).toBe('top')
  expect(topmost([...rows].reverse(), '/mnt2')?.source).toBe('top')
  expect(topmost(rows, '/mnt')).toBeUndefined()
})
