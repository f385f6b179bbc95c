// Imports, of types too, go from a room to one further down, so that every room can be read without those above it, and between
// files in one direction only.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

/** The rooms, and the files beside them, from those that know most to those that know least. */
const ROOMS = [
  'src/entry',
  'testing',
  'src/main.ts',
  'src/cli',
  'src/library',
  'src/diagnose',
  'src/criu',
  'src/container',
  'src/setup',
  'src/streams',
  'src/rootfs',
  'src/cgroup',
  'src/config',
  'src/state',
  'src/plan',
  'src/dbus',
  'src/runtime.ts',
  'src/kernel',
  'src/host',
  'src/log',
  'src/paths.ts',
  'src/errors.ts',
  'native',
  'spec',
]

function roomOf(file: string): string {
  const room = ROOMS.find(name => file === name || file.startsWith(`${name}/`))
  if (room === undefined) throw new Error(`${file} is in no room of the list`)
  return room
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  return names.map(name => join(folder, name))
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)]
    .map(([, path]) => normalize(join(dirname(file), path!)))
    .filter(path => /^(src|native|testing|spec)\/(?!node_modules)/.test(path))
}

test('imports go down', () => {
  const files = ['src', 'native', 'testing'].flatMap(filesIn).filter(file => !file.endsWith('.test.ts'))
  const up = files.flatMap(file =>
    importsOf(file)
      .filter(path => ROOMS.indexOf(roomOf(path)) < ROOMS.indexOf(roomOf(file)))
      .map(path => `${file} imports ${path}`),
  )
  expect(up).toEqual([])
})

/** The files that lead from `file` back to it, or none. */
function roundTrip(file: string, imports: ReadonlyMap<string, readonly string[]>, ended: Set<string>): string[] {
  const way: string[] = []
  const visit = (at: string): string[] => {
    if (way.includes(at)) return [...way.slice(way.indexOf(at)), at]
    if (ended.has(at)) return []
    way.push(at)
    for (const next of imports.get(at) ?? []) {
      const trip = visit(next)
      if (trip.length > 0) return trip
    }
    way.pop()
    ended.add(at)
    return []
  }
  return visit(file)
}

test('no file imports, through others, itself', () => {
  const files = ['src', 'native'].flatMap(filesIn).filter(file => !file.endsWith('.test.ts'))
  const imports = new Map(files.map(file => [file, importsOf(file)]))
  const ended = new Set<string>()
  expect(files.map(file => roundTrip(file, imports, ended)).find(trip => trip.length > 0)).toBe(undefined)
})

test('a room has at most 20 files beside the rooms in it', () => {
  const counts = new Map<string, number>()
  for (const file of ['src', 'native'].flatMap(filesIn)) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  expect([...counts].filter(([, count]) => count > 20)).toEqual([])
})
