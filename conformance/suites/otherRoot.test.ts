import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { command, inOtherRoot, pathInside } from './otherRoot.ts'

const place = mkdtempSync('/tmp/otherRoot-')
const root = join(place, 'sid')
mkdirSync(join(place, 'suite'))
writeFileSync(join(place, 'tsrun'), '')
afterAll(() => rmSync(place, { recursive: true }))

test('a file of the root has a shorter path there, another one its own', () => {
  expect(pathInside(`${root}/usr/bin/crun`, root)).toBe('/usr/bin/crun')
  expect(pathInside(`${root}2/crun`, root)).toBe(`${root}2/crun`)
  expect(pathInside('/usr/bin/crun', undefined)).toBe('/usr/bin/crun')
})

test('what is not in the root is shown there, each directory once', () => {
  const paths = [join(place, 'suite'), join(place, 'tsrun'), join(place, 'tsrun'), `${root}/usr/bin/crun`]
  const scripts = ['--show', import.meta.dirname]
  expect(inOtherRoot(root, paths)).toEqual([
    '--root',
    root,
    ...scripts,
    '--show',
    join(place, 'suite'),
    '--show',
    place,
  ])
})

test('a file of the root is started in it', () => {
  const entering = ['unshare', '--mount', 'sh', '-c', 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"']
  expect(command(`${root}/usr/bin/crun`, root)).toEqual([...entering, root, '/usr/bin/crun'])
  expect(command('/usr/bin/crun', root)).toEqual(['/usr/bin/crun'])
})
