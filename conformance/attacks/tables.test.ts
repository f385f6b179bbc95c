// The tables of docs/security.md: each of their lines names a test that is there.

import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { caseFile } from '../lib/cases.ts'
import { repository } from '../lib/repository.ts'

const read = (file: string) => readFileSync(join(repository, file), 'utf8')

/** As it is in a source, whatever quotes it has there. */
const plain = (text: string) => text.replaceAll(/[`\\]/g, '').replaceAll('’', "'")

const sections = read('docs/security.md').split(/^## /m)

/** The cells of the lines of a table. */
function rows(title: string): string[][] {
  const section = sections.find(text => text.startsWith(title))!
  const lines = section.split('\n').filter(line => line.startsWith('| '))
  return lines.slice(2).map(line => line.slice(2, -2).split(' | '))
}

/** A test's file, in short or whole. */
function sourceOf(file: string): string {
  return plain(read(file.includes('/') ? file : caseFile(basename(file, '.test.ts'))))
}

/** What is said instead of a test. */
const NONE = ['', 'the same', 'none needed']

/** Tests that are meant by a cell, a file and a part of the name each; those without a file are in `usual`. */
function testsIn(cell: string, usual: string | undefined): [string, string][] {
  let file = usual
  return cell.split(/; |, (?=\S+\.test\.ts)/).flatMap((text): [string, string][] => {
    const [, named, title] = /^(\S+\.test\.ts)(?:: (.*))?$/.exec(text) ?? []
    if (NONE.includes(text)) return []
    file = named ?? file
    if (file === undefined) throw new Error(`no file of a test: ${text}`)
    return [[file, (named === undefined ? text : (title ?? '')).replace(/ \(`npm run test:vm`\)$/, '')]]
  })
}

const TABLES: [string, string | undefined][] = [
  ['Calls by name', 'names.test.ts'],
  ['Files of a container', undefined],
  ['Files at a path', undefined],
  ['Objects of the host', undefined],
]

test.each(TABLES)('%s: the tests are there', (title, usual) => {
  const lines = rows(title).filter(cells => cells.length > 3)
  expect(lines.length).toBeGreaterThan(7)
  const named = lines.flatMap(cells => testsIn(cells.at(-1)!.trim(), usual))
  expect(named.filter(([file, name]) => !sourceOf(file).includes(plain(name)))).toEqual([])
})

test('the sources that are named are there', () => {
  const places = ['src', 'src/rootfs', 'src/setup', 'src/setup/facilities', 'src/setup/process', 'src/setup/hooks']
  const more = ['src/container', 'src/cgroup', 'src/cgroup/systemd', 'src/criu', 'src/streams', 'src/host', 'src/plan']
  const names = read('docs/security.md').matchAll(/`([\w./-]+\.(?:ts|c|h))`/g)
  const missing = [...names]
    .map(([, name]) => name!)
    .filter(name => !name.endsWith('.test.ts'))
    .filter(name =>
      name.includes('/')
        ? ![name, `src/${name}`].some(path => existsSync(join(repository, path)))
        : ![...places, ...more].some(place => existsSync(join(repository, place, name))),
    )
  expect([...new Set(missing)]).toEqual([])
})
