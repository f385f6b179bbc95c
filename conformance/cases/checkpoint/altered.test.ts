// Checkpoints that somebody has altered: images that are cut, exchanged or have other bytes, names of streams that are no such.
// restore fails in a sentence, or has a container that can be deleted; either way nothing is left, and the host is as it was.
// ALTERED_ROUNDS and ALTERED_SEED are for longer runs, QUIET=1 for those in namespaces of their own.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generator } from '../../../bench/lib/stats.ts'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { counts, mustCheckpoint, running, type Scene, when } from '../../lib/checkpoint.ts'
import { command, oci, removeLater } from '../../lib/container.ts'
import { recordCriu } from '../../lib/criuRecorder.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount, hostMounts } from '../../lib/machine.ts'
import { eventually, launch, must, PATIENCE, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const ROUNDS = Number(process.env['ALTERED_ROUNDS'] ?? 24)
const SEED = Number(process.env['ALTERED_SEED'] ?? 1)
const SOON_S = 20 * PATIENCE
/** The exit code of timeout(1): CRIU waited for something, and restore was told to end. */
const ENDED = 124

/** Numbers below `end`, the same each time. */
function numbers(seed: number): (end: number) => number {
  const next = generator(seed)
  return end => Math.floor(next() * end)
}

type Alteration = (path: string, below: (end: number) => number) => void

const bytesOf = (path: string) => Uint8Array.from(readFileSync(path))

/** Other bytes from `from` on: one to four of them. */
function flip(path: string, below: (end: number) => number, from = 0): void {
  const bytes = bytesOf(path)
  for (let i = below(4); i >= 0 && bytes.length > from; i -= 1)
    bytes[from + below(bytes.length - from)]! ^= 1 << below(8)
  writeFileSync(path, bytes)
}

const ALTERATIONS: Readonly<Record<string, Alteration>> = {
  'other bytes': flip,
  'other bytes after the head': (path, below) => flip(path, below, 8),
  'other bytes at the end': (path, below) => flip(path, below, Math.max(bytesOf(path).length - 40, 0)),
  'a random byte': (path, below) => {
    const bytes = bytesOf(path)
    if (bytes.length > 0) bytes[below(bytes.length)] = below(256)
    writeFileSync(path, bytes)
  },
  cut: (path, below) => truncateSync(path, below(readFileSync(path).length + 1)),
  longer: (path, below) => {
    const bytes = bytesOf(path)
    writeFileSync(path, Buffer.concat([bytes, bytes.slice(below(bytes.length + 1))]))
  },
  'a piece of it twice': (path, below) => {
    const bytes = bytesOf(path)
    const at = below(bytes.length + 1)
    writeFileSync(path, Buffer.concat([bytes.slice(0, at), bytes.slice(Math.max(at - below(64), 0))]))
  },
  gone: path => rmSync(path),
  empty: path => writeFileSync(path, ''),
  'exchanged for another': (path, below) => {
    const others = readdirSync(join(path, '..')).filter(name => name.endsWith('.img'))
    const other = join(path, '..', others[below(others.length)]!)
    renameSync(path, `${path}.tmp`)
    if (existsSync(other)) renameSync(other, path)
    renameSync(`${path}.tmp`, other)
  },
  'a link to a file of the host': path => {
    rmSync(path)
    symlinkSync('/proc/version', path)
  },
}

/** What of the host a process in the host's namespaces could change. Networks and mounts are others' to change as well. */
function hostFacts() {
  const read = (path: string) => readFileSync(path, 'utf8')
  const kernel = ['hostname', 'domainname', 'shmmax', 'shmall', 'shmmni', 'msgmax', 'msgmni', 'sem', 'auto_msgmni']
  const facts = {
    kernel: kernel.map(name => `${name}: ${read(`/proc/sys/kernel/${name}`)}`),
    ipc: ['shm', 'msg', 'sem'].map(name => read(`/proc/sysvipc/${name}`)),
  }
  if (process.env['QUIET'] !== '1') return facts
  return {
    ...facts,
    links: read('/proc/net/dev').match(/\S+:/g),
    routes: read('/proc/net/route'),
    mounts: hostMounts(),
  }
}

/** What became of it: `restored`, what restore said, or that it had to be ended. */
function tryRestore({ bundle }: Scene, images: string): string {
  const id = removeLater(fresh())
  const words = ['restore', '--detach', '--image-path', images, '--bundle', bundle.directory, id]
  const script = 'exec timeout --kill-after=10 "$0" "$@" > /dev/null'
  const result = run(['sh', '-c', script, `${SOON_S}`, ...command(...words)], { timeout: 2 * SOON_S * 1000 })
  if (result.status === 0) {
    expect(oci(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' })
    return 'restored'
  }
  if (result.status !== ENDED) expectOneSentence(result, /./)
  const places = [join(stateRoot, id), join(cgroup2Mount()!, `tsrun-${id}`)]
  eventually('nothing to be left', () => !places.some(path => existsSync(path)))
  return result.status === ENDED ? 'ended by a signal' : result.stderr
}

when(isTsrun)('images with other bytes, cut, exchanged or gone', () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  const names = readdirSync(scene.images).filter(name => name.endsWith('.img'))
  const kinds = Object.entries(ALTERATIONS)
  const before = hostFacts()
  let refused = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const below = numbers(SEED + round)
    const [kind, alter] = kinds[(SEED + round) % kinds.length]!
    const name = names[below(names.length)]!
    const images = join(makeDirectory(), 'images')
    cpSync(scene.images, images, { recursive: true })
    alter(join(images, name), below)
    const begin = Date.now()
    const end = tryRestore(scene, images)
    const seconds = Math.round((Date.now() - begin) / 1000)
    expect({ round, kind, name, soon: seconds < SOON_S + 5 }).toEqual({ round, kind, name, soon: true })
    expect(hostFacts()).toEqual(before)
    if (process.env['ALTERED_ROUNDS']) console.log(`${SEED + round} ${name}: ${kind}: ${seconds} s: ${end.trim()}`)
    refused += Number(end !== 'restored')
    rmSync(join(images, '..'), { recursive: true })
  }
  expect(refused).toBeGreaterThan(ROUNDS / 4)
})

when(isTsrun)('an image that is a fifo: a signal ends restore, and nothing is left', async () => {
  const scene = running()
  counts(scene)
  mustCheckpoint(scene)
  for (const name of ['inventory.img', 'pstree.img', 'core-1.img', 'mm-1.img']) {
    const images = join(makeDirectory(), 'images')
    cpSync(scene.images, images, { recursive: true })
    rmSync(join(images, name))
    must(['mkfifo', join(images, name)])
    const words = command('restore', '-d', '--image-path', images, '--bundle', scene.bundle.directory, fresh())
    const { child, done } = launch(['sh', '-c', 'exec "$@" > /dev/null', 'sh', ...words])
    const patience = setTimeout(() => child.kill('SIGTERM'), 1000 * PATIENCE)
    const begin = Date.now()
    expect((await done).status).not.toBe(0)
    clearTimeout(patience)
    expect(Date.now() - begin).toBeLessThan(SOON_S * 1000)
  }
})

const STREAMS: readonly [string, string | ((path: string) => void)][] = [
  ['nothing', ''],
  ['no JSON', '['],
  ['an object', '{"0":"/dev/null"}'],
  ['null', 'null'],
  ['numbers', '[0,1,2]'],
  ['lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['a directory', path => mkdirSync(path)],
  ['a fifo', path => void must(['mkfifo', path])],
  ['a link to a file of the host', path => symlinkSync('/etc/shadow', path)],
  ['a link without an end', path => symlinkSync('/dev/zero', path)],
  [
    'a file without an end',
    path => {
      writeFileSync(path, '')
      truncateSync(path, 2 ** 33)
    },
  ],
]

test.skipIf(!isTsrun).each(STREAMS)('descriptors.json that is %s', (_, content) => {
  const { env, requests } = recordCriu()
  const images = makeDirectory()
  const path = join(images, 'descriptors.json')
  if (typeof content === 'string') writeFileSync(path, content)
  else content(path)
  const words = ['restore', '-d', '--image-path', images, '--bundle', makeBundle().directory, fresh()]
  expectOneSentence(oci(words, { env, timeout: SOON_S * 1000 }), /descriptors\.json|no checkpoint in|more than 64 MiB/)
  expect(requests().filter(({ opts }) => opts !== undefined)).toEqual([])
})
