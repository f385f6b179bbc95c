import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeRootfs } from '../../lib/rootfs.ts'
import { must } from '../../lib/run.ts'

/** Makes DIRECTORY/image, a root file system of busybox, and DIRECTORY/image.tar of it. */
export function makeImage(directory: string): void {
  const root = join(directory, 'image')
  mkdirSync(root, { mode: 0o755 })
  makeRootfs(root)
  must(['tar', '-C', root, '-cf', `${root}.tar`, '.'])
}

/** Makes DIRECTORY/oci, an image layout with that file system under `tag`, and DIRECTORY/oci.tar of it. See image-layout.md. */
export function makeLayout(directory: string, tag: string): void {
  makeImage(directory)
  const layout = join(directory, 'oci')
  const blobs = join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const blob = (mediaType: string, content: Buffer) => {
    const hash = createHash('sha256').update(content).digest('hex')
    writeFileSync(join(blobs, hash), content)
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${hash}`, size: content.length }
  }
  const json = (mediaType: string, value: unknown) => blob(`${mediaType}.v1+json`, Buffer.from(JSON.stringify(value)))
  const layer = blob('layer.v1.tar', readFileSync(join(directory, 'image.tar')))
  const config = json('config', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin', 'FROM=image'], Cmd: ['sleep', '1000000'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  })
  const manifest = json('manifest', { schemaVersion: 2, config, layers: [layer] })
  const annotations = { 'org.opencontainers.image.ref.name': tag, 'io.containerd.image.name': tag }
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  )
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  must(['tar', '-C', layout, '-cf', `${layout}.tar`, '.'])
}
