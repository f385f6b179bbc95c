// Containers of images: archives of docker save and OCI layouts that this test makes, well-behaved ones and others.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import * as tar from 'tar-stream'
import { beforeAll, expect, test } from 'vitest'
import { removeLater } from '../../lib/container.ts'
import { library, openLibrary, rejection } from '../../lib/library.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const runtime = openLibrary()
const id = () => removeLater(fresh())
const images = join(sceneDirectory, 'images')
/** A directory of the host that no image is to reach. */
const victim = join(sceneDirectory, 'victim')

beforeAll(() => {
  mkdirSync(images)
  mkdirSync(victim, { mode: 0o700 })
  writeFileSync(join(victim, 'secret'), 'secret')
})

interface Header {
  readonly name: string
  readonly type?: string
  readonly mode?: number
  readonly uid?: number
  readonly linkname?: string
  readonly devmajor?: number
  readonly devminor?: number
  readonly pax?: Record<string, string>
}
type Packed = Header & { readonly text?: string | Buffer }

/** An archive of these entries. */
async function archive(...entries: Packed[]): Promise<Buffer> {
  const { pack } = tar as unknown as {
    pack: () => AsyncIterable<Uint8Array> & { entry(header: Header, text?: string | Buffer): void; finalize(): void }
  }
  const packing = pack()
  for (const { text, ...header } of entries)
    packing.entry({ mode: header.type === 'directory' ? 0o755 : 0o644, ...header }, text)
  packing.finalize()
  return await buffer(packing)
}

const BUSYBOX: Packed[] = [
  { name: './', type: 'directory' },
  { name: 'bin/', type: 'directory' },
  { name: 'bin/busybox', mode: 0o755, text: readFileSync('/bin/busybox') },
  ...['sh', 'cat', 'ls', 'id', 'stat', 'echo', 'sleep', 'touch'].map(name => ({
    name: `bin/${name}`,
    type: 'link',
    linkname: 'bin/busybox',
  })),
  ...['proc', 'dev', 'sys'].map(name => ({ name, type: 'directory' })),
  { name: 'tmp', type: 'directory', mode: 0o1777 },
  { name: 'etc/passwd', text: 'root:x:0:0::/:\nalice:x:1000:100::/:\n' },
]

const CONFIG = {
  Entrypoint: ['sh', '-c'],
  Cmd: ['echo "$WORD $(id -u):$(id -g) $PWD"'],
  Env: ['WORD=hello', 'PATH=/bin'],
  WorkingDir: '/tmp',
  User: 'alice',
}

/** A file as docker save writes it. */
async function saved(name: string, config: object, ...layers: Packed[][]): Promise<string> {
  const archives = await Promise.all(layers.map(entries => archive(...entries)))
  const manifest = [{ Config: 'config.json', RepoTags: ['x:1'], Layers: layers.map((_, at) => `${at}/layer.tar`) }]
  const path = join(images, name)
  const bytes = await archive(
    ...archives.map((text, at) => ({ name: `${at}/layer.tar`, text })),
    { name: 'config.json', text: JSON.stringify({ config }) },
    { name: 'manifest.json', text: JSON.stringify(manifest) },
  )
  writeFileSync(path, bytes)
  return path
}

const leftInTmp = () => readdirSync('/var/tmp').filter(name => name.startsWith('tsrun-image-'))

it('a saved image runs as it says, and is gone with the container', async () => {
  const image = await saved('plain.tar', CONFIG, BUSYBOX)
  const before = leftInTmp()
  expect(await runtime.run({ id: id(), image })).toMatchObject({ code: 0, stdout: 'hello 1000:100 /tmp\n' })
  const args = ['sh', '-c', 'touch /tmp/x && echo other']
  expect(await runtime.run({ id: id(), image, args, env: { WORD: 'x' } })).toMatchObject({ stdout: 'other\n' })
  expect(await rejection(runtime.run({ id: id(), image, args: ['no-such-program'] }))).toMatchObject({ code: 'ENOENT' })
  const container = await runtime.create({ id: id(), image, args: ['sleep', '60'] })
  expect(leftInTmp().length).toBe(before.length + 1)
  await runtime.container(container.id).delete({ force: true })
  await container[Symbol.asyncDispose]()
  expect(leftInTmp()).toEqual(before)
})

it('a layer hides what is below, and not what it brings itself', async () => {
  const below = ['a', 'dir/b', 'dir/c', 'all/d', 'all/deep/e', 'kind/f'].map(name => ({ name, text: name }))
  const above: Packed[] = [
    { name: '.wh.a', text: '' },
    { name: 'dir/.wh.b', text: '' },
    { name: 'all/new', text: 'new' },
    { name: 'all/.wh..wh..opq', text: '' },
    { name: 'nowhere/.wh.x', text: '' },
    { name: 'kind', text: 'a file now' },
  ]
  const image = await saved('whiteouts.tar', {}, BUSYBOX, below, above)
  const args = ['sh', '-c', 'ls -d /a /nowhere 2>/dev/null; ls /dir /all; cat /kind']
  expect(await runtime.run({ id: id(), image, args })).toMatchObject({
    stdout: '/all:\nnew\n\n/dir:\nc\na file now',
  })
})

it('owners, modes, links and capabilities come along', async () => {
  const things: Packed[] = [
    { name: 'owned', uid: 1234, mode: 0o4751, text: 'x' },
    { name: 'again', type: 'link', linkname: './owned' },
    { name: 'soft', type: 'symlink', linkname: '/owned' },
    { name: 'sticky/', type: 'directory', mode: 0o1777 },
    { name: 'pipe', type: 'fifo', mode: 0o600 },
  ]
  const image = await saved('things.tar', {}, BUSYBOX, things)
  const args = ['stat', '-c', '%n %F %a %u %h', '/owned', '/again', '/soft', '/sticky', '/pipe']
  const { stdout } = await runtime.run({ id: id(), image, args })
  expect(stdout).toBe(
    '/owned regular file 4751 1234 2\n/again regular file 4751 1234 2\n/soft symbolic link 777 0 1\n/sticky directory 1777 0 2\n/pipe fifo 600 0 1\n',
  )
})

/** A layout directory with a compressed layer. */
async function layout(
  name: string,
  architecture: string,
  change: (blob: Buffer) => Buffer = blob => blob,
): Promise<string> {
  const path = join(images, name)
  mkdirSync(join(path, 'blobs/sha256'), { recursive: true })
  const add = (bytes: Buffer, alter = (blob: Buffer) => blob) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(path, 'blobs/sha256', hex), alter(bytes))
    return { digest: `sha256:${hex}` }
  }
  const layer = add(gzipSync(await archive(...BUSYBOX)), change)
  const config = add(Buffer.from(JSON.stringify({ config: CONFIG })))
  const manifest = add(Buffer.from(JSON.stringify({ config, layers: [layer] })))
  const index = { manifests: [{ ...manifest, platform: { os: 'linux', architecture } }] }
  writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(join(path, 'index.json'), JSON.stringify(index))
  return path
}

const OURS = process.arch === 'x64' ? 'amd64' : process.arch

it('an OCI layout, whose blobs are what their digests say', async () => {
  expect(await runtime.run({ id: id(), image: await layout('oci', OURS) })).toMatchObject({
    stdout: 'hello 1000:100 /tmp\n',
  })
  const damaged = await layout('damaged', OURS, blob => Buffer.concat([blob, Buffer.from('x')]))
  expect(`${await rejection(runtime.run({ id: id(), image: damaged }))}`).toContain('is damaged')
  const foreign = await rejection(runtime.run({ id: id(), image: await layout('foreign', 's390x') }))
  expect(foreign).toBeInstanceOf(library.HostError)
  expect(`${foreign}`).toContain(`not for linux/${OURS}`)
})

/** Links to the host's root, absolute and relative, in a layer of their own. */
const LINKS: Packed[] = [
  { name: 'out', type: 'symlink', linkname: '/' },
  { name: 'up', type: 'symlink', linkname: '../../../../../../../..' },
  { name: 'there', type: 'symlink', linkname: victim },
  { name: 'proc-root', type: 'symlink', linkname: '/proc/self/root' },
]

function expectVictimUnharmed(): void {
  expect(readdirSync(victim)).toEqual(['secret'])
  expect(statSync(victim).mode & 0o777).toBe(0o700)
  expect(statSync(victim).uid).toBe(process.getuid!())
}

it('a link of a layer leads to a place in the image', async () => {
  const through: Packed[] = ['out', 'up'].flatMap(link => [
    { name: `${link}${victim}/`, type: 'directory', mode: 0o755, uid: 1234 },
    { name: `${link}${victim}/.wh.secret`, text: '' },
    { name: `${link}${victim}/.wh..wh..opq`, text: '' },
    { name: `${link}${victim}/written`, text: 'attack' },
  ])
  const image = await saved('attack.tar', {}, BUSYBOX, LINKS, through)
  const args = ['cat', `${victim}/written`]
  expect(await runtime.run({ id: id(), image, args })).toMatchObject({ stdout: 'attack' })
  expectVictimUnharmed()
})

it('a link of a layer to what the image does not have is no way', async () => {
  const through: Packed[] = [
    { name: 'there/written', text: 'attack' },
    { name: 'there/deep/written', text: 'attack' },
    { name: `proc-root${victim}/written`, text: 'attack' },
  ]
  for (const entry of through) {
    const image = await saved('attack.tar', {}, BUSYBOX, LINKS, [entry])
    expect(await rejection(runtime.run({ id: id(), image, args: ['ls'] }))).toBeInstanceOf(library.KernelError)
    expectVictimUnharmed()
  }
  const replaced = await saved('replaced.tar', {}, BUSYBOX, LINKS, [{ name: 'there/', type: 'directory', mode: 0o777 }])
  expect(await runtime.run({ id: id(), image: replaced, args: ['ls', '-d', '/there/'] })).toMatchObject({ code: 0 })
  expectVictimUnharmed()
})

test.skipIf(!isTsrun).each([
  ['an entry that climbs', [{ name: '../../climbed', text: 'attack' }], 'leads out of it'],
  ['one that climbs in the midst', [{ name: 'etc/../../climbed', text: 'attack' }], 'leads out of it'],
  [
    'a hard link that climbs',
    [{ name: 'stolen', type: 'link', linkname: '../../../../etc/shadow' }],
    'leads out of it',
  ],
  [
    'a hard link through a link',
    [{ name: 'stolen', type: 'link', linkname: `out${victim}/secret` }],
    'there is no file',
  ],
  [
    'an /etc/passwd without an end',
    [{ name: 'etc/passwd', type: 'character-device', devmajor: 1, devminor: 5 }],
    'is not a file',
  ],
  ['a whiteout of a directory above', [{ name: 'etc/.wh...', text: '' }], 'hides nothing'],
] as [string, Packed[], string][])('%s is refused', async (_, entries, words) => {
  const image = await saved('refused.tar', { User: 'alice' }, BUSYBOX, LINKS, entries)
  const error = await rejection(runtime.run({ id: id(), image, args: ['sh', '-c', 'cat /stolen'] }))
  expect(error).toBeInstanceOf(library.Failure)
  expect(`${error}`).toContain(words)
  expect(existsSync(join(victim, 'secret'))).toBe(true)
})

const LONG = 'x'.repeat(240)
/** A directory with more levels than a path can have, and the link from which the last of them are made. */
const deep = (name: string): Packed[] => [
  { name: `${name}/${Array(15).fill(LONG).join('/')}/`, type: 'directory' },
  { name: `${name}-link`, type: 'symlink', linkname: `${name}/${Array(15).fill(LONG).join('/')}` },
  { name: `${name}-link/${Array(5).fill(LONG).join('/')}/file`, text: '' },
]

it('names that are no text, and more levels than a path can have, are removed with the container', async () => {
  const before = leftInTmp()
  // A name that whoever moves directories might want to use is taken.
  const taken: Packed[] = [1, 2].map(number => ({ name: `hidden/.tsrun-removed-${number}/x`, text: '' }))
  const hiding: Packed[] = [{ name: '.wh.hidden', text: '' }]
  const image = await saved('deep.tar', {}, BUSYBOX, deep('kept'), [...deep('hidden'), ...taken], hiding)
  const names = 'cd /tmp; a="$(printf "\\377")"; mkdir "$a"; touch "$a/$a"; chmod 0 "$a"; cd /; ls -d hidden kept'
  const args = ['sh', '-c', `export PATH=/bin; ${names}`]
  expect(await runtime.run({ id: id(), image, args })).toMatchObject({ stdout: 'kept\n' })
  expect(leftInTmp()).toEqual(before)
})

it('an image that is damaged, or made to do harm, is a failure and leaves nothing', async () => {
  const before = leftInTmp()
  const huge = (await archive({ name: 'huge', text: 'x' })).subarray(0, 1024)
  huge.write('77777777777\0', 124) // 8 GiB, and no checksum that fits
  const sum = huge
    .subarray(0, 512)
    .fill(' ', 148, 156)
    .reduce((all, byte) => all + byte, 0)
  huge.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const layers = await Promise.all([archive({ name: 'x', text: '', pax: { uid: `${2 ** 40}` } }), huge])
  const manifests = layers.map(layer => ({ layer, manifest: [{ Config: 'c', Layers: ['l'] }], config: {} }))
  const shapes = [null, 7, [], [null], [{ Config: 7 }], [{ Config: 'c', Layers: 'l' }], [{ Config: 'c', Layers: [7] }]]
  const configs = [null, { config: 7 }, { config: { Cmd: 'x' } }, { config: { Env: [7] } }, { config: { User: {} } }]
  const all = [
    ...manifests,
    ...shapes.map(manifest => ({ layer: '', manifest, config: {} })),
    ...configs.map(config => ({ layer: '', manifest: [{ Config: 'c', Layers: [] }], config })),
  ]
  for (const { layer, manifest, config } of all) {
    const image = join(images, 'harmful.tar')
    const entries = [
      { name: 'l', text: layer },
      { name: 'c', text: JSON.stringify(config) },
      { name: 'manifest.json', text: JSON.stringify(manifest) },
    ]
    writeFileSync(image, await archive(...entries))
    const error = await rejection(runtime.run({ id: id(), image, args: ['true'] }))
    expect(error, JSON.stringify({ manifest, config })).toBeInstanceOf(library.Failure)
  }
  expect(leftInTmp()).toEqual(before)
})

it('an index that leads to itself is a failure', async () => {
  const path = await layout('endless', OURS)
  const digest = `sha256:${'0'.repeat(64)}`
  const index = JSON.stringify({ manifests: [{ digest }] })
  writeFileSync(join(path, 'index.json'), index)
  writeFileSync(join(path, 'blobs/sha256', '0'.repeat(64)), index)
  expect(await rejection(runtime.run({ id: id(), image: path }))).toBeInstanceOf(library.Failure)
})

it('what is no image is told', async () => {
  const junk = join(images, 'junk.tar')
  writeFileSync(junk, Buffer.alloc(4096, 'junk'))
  const wrong: [string, string][] = [
    [join(images, 'missing.tar'), 'there is no image'],
    [junk, 'is not a tar archive'],
    [victim, 'there is no image in'],
  ]
  const before = leftInTmp()
  for (const [image, words] of wrong) expect(`${await rejection(runtime.run({ id: id(), image }))}`).toContain(words)
  const nothing = await saved('nothing.tar', {}, BUSYBOX)
  expect(await rejection(runtime.run({ id: id(), image: nothing }))).toBeInstanceOf(library.UsageError)
  expect(leftInTmp()).toEqual(before)
})
