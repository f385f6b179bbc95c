import { createHash } from 'node:crypto'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { decode } from '../../../native/utf8.ts'
import { Failure, HostError } from '../../errors.ts'
import { streamOf } from './archive.ts'
import { RootDirectory } from './directory.ts'
import { damaged, isObject, isText, listOf } from './shape.ts'

/** What an image says about its program; see config.md of the image specification. */
export interface ImageConfig {
  readonly User?: string
  readonly Env?: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly Cmd?: readonly string[] | null
  readonly WorkingDir?: string
}

/** An image: its configuration, and the archives of its layers from the lowest up. */
export interface Image {
  readonly config: ImageConfig
  readonly layers: readonly Layer[]
}

export interface Layer {
  readonly path: string
  /** `sha256:HEX` of the file, where it is known. */
  readonly digest: string | undefined
}

interface Descriptor {
  readonly digest: string
  readonly platform?: { readonly os?: string; readonly architecture?: string } | null
}

interface SavedImage {
  readonly Config?: unknown
  readonly Layers?: unknown
  readonly RepoTags?: string[] | null
}

/** How many indices may be between the first one and an image: no tool makes more than one. */
const MOST_INDICES = 4

/** The names of Go, in which platforms are told. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', riscv64: 'riscv64' }

/** The directory of an image: what `docker save` packs, or an OCI image layout. What a link in it leads to outside is not read. */
export class ImageLayout implements Disposable {
  readonly #outside: Kernel<'outside'>
  readonly #root: RootDirectory
  readonly #path: string

  constructor(outside: Kernel<'outside'>, path: string) {
    this.#outside = outside
    this.#path = path
    this.#root = new RootDirectory(outside, path)
  }

  /** Errors: HostError when there is no image, or none for this machine; Failure for a damaged one. */
  read(): Image {
    const saved = this.#json('manifest.json')
    if (saved !== undefined) return this.#readSaved(saved)
    const index = this.#json('index.json')
    if (index === undefined)
      throw new HostError(
        `there is no image in \`${this.#path}\`: neither manifest.json of docker save nor index.json of an OCI layout`,
      )
    return this.#readIndex(index)
  }

  /** The archive of a layer, whose bytes are those that its digest says. Errors: Failure. */
  async openLayer({ path, digest }: Layer): Promise<Fd<'outside'>> {
    const fd = this.#root.openFile(path)
    if (fd === undefined) throw new Failure(`the layer \`${path}\` is missing`)
    if (digest !== undefined) {
      const hash = createHash('sha256')
      for await (const piece of streamOf(fd)) hash.update(piece)
      const found = `sha256:${hash.digest('hex')}`
      if (found !== digest) throw new Failure(`the layer \`${path}\` is damaged: its digest is ${found}`)
    }
    return fd
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]()
  }

  #readSaved(saved: unknown): Image {
    const images = listOf<SavedImage>(saved, isObject)
    if (images.length === 0) throw damaged()
    if (images.length > 1) {
      const names = images.map(({ RepoTags }, at) => RepoTags?.[0] ?? `image ${at + 1}`)
      throw new HostError(`the file has ${images.length} images, and it is to be one: ${names.join(', ')}`)
    }
    const { Config, Layers } = images[0]!
    if (!isText(Config)) throw damaged()
    const layers = listOf<string>(Layers ?? [], isText).map(path => ({ path, digest: digestOfBlob(path) }))
    return { config: this.#configAt(Config), layers }
  }

  /** An index may name another one, which then is no more than `deeper` levels from the last. */
  #readIndex(index: object, deeper = MOST_INDICES): Image {
    const { manifests } = index as { readonly manifests?: unknown }
    const fitting = listOf<Descriptor>(manifests ?? [], isObject).filter(({ platform }) => isForUs(platform))
    if (fitting.length === 0)
      throw new HostError(`the image is not for linux/${ARCHITECTURES[process.arch] ?? process.arch}`)
    if (fitting.length > 1) throw new HostError(`the layout has ${fitting.length} images, and it is to be one`)
    const manifest = this.#json(blobPath(fitting[0]!.digest))
    if (manifest === undefined) throw new Failure(`the blob ${fitting[0]!.digest} is missing`)
    if ('manifests' in manifest) {
      if (deeper === 0) throw damaged()
      return this.#readIndex(manifest, deeper - 1)
    }
    const { config, layers } = manifest as { readonly config?: Descriptor; readonly layers?: unknown }
    return {
      config: this.#configAt(blobPath(config?.digest)),
      layers: listOf<Descriptor>(layers ?? [], isObject).map(({ digest }) => ({ path: blobPath(digest), digest })),
    }
  }

  #configAt(path: string): ImageConfig {
    const file = this.#json(path)
    if (file === undefined) throw new Failure(`\`${path}\`, the configuration of the image, is missing`)
    const config = (file as { readonly config?: ImageConfig | null }).config ?? {}
    if (!isObject(config)) throw damaged()
    for (const text of [config.User, config.WorkingDir]) if (!isText(text ?? '')) throw damaged()
    for (const list of [config.Env, config.Entrypoint, config.Cmd]) listOf<string>(list ?? [], isText)
    return config
  }

  #json(path: string): object | undefined {
    using fd = this.#root.openFile(path)
    if (fd === undefined) return undefined
    try {
      const found: unknown = JSON.parse(decode(this.#outside.readAll(fd)))
      if (!isObject(found)) throw damaged()
      return found
    } catch (error) {
      if (error instanceof SyntaxError) throw new Failure(`\`${path}\` of the image is not JSON: ${error.message}`)
      throw error
    }
  }
}

/** Without a word about it, it is for everybody. */
function isForUs(platform: Descriptor['platform']): boolean {
  if (!isObject(platform)) return true
  return platform.os === 'linux' && platform.architecture === (ARCHITECTURES[process.arch] ?? process.arch)
}

function blobPath(digest: unknown): string {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]+)$/.exec(`${digest}`) ?? []
  if (algorithm === undefined) throw new Failure(`\`${digest}\` is not a digest`)
  return `blobs/${algorithm}/${hex}`
}

/** Newer releases of docker name files after what is in them. */
function digestOfBlob(path: string): string | undefined {
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1]
  return hex && `sha256:${hex}`
}
