import { createReadStream, type ReadStream, readSync } from 'node:fs'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import type { Entry } from 'tar-stream'
import type { Fd } from '../../../native/fd.ts'
import { Failure, HostError } from '../../errors.ts'

/** What a compressed file begins with. */
const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]

/** The entries of a tar archive, which may be compressed. Errors: HostError, Failure for what is no archive. */
export async function* entriesOf(archive: Fd<'outside'>): AsyncGenerator<Entry, void, void> {
  const { extract } = await loadTar()
  const entries = extract()
  const source = streamOf(archive)
  const fail = (error: Error) => entries.destroy(error)
  source.on('error', fail)
  const decompress = decompressor(archive)
  if (decompress) source.pipe(decompress).on('error', fail).pipe(entries)
  else source.pipe(entries)
  try {
    yield* entries
  } catch (error) {
    if (error instanceof Failure || (error as NodeJS.ErrnoException).syscall !== undefined) throw error
    throw new Failure(`\`${archive.subject}\` is not a tar archive: ${(error as Error).message}`)
  } finally {
    source.destroy()
    decompress?.destroy()
  }
}

/** Opened anew, since a stream closes its descriptor whatever one says. */
export function streamOf(file: Fd<'outside'>): ReadStream {
  return createReadStream(`/proc/self/fd/${file.number}`)
}

async function loadTar(): Promise<typeof import('tar-stream')> {
  try {
    return await import('tar-stream')
  } catch {
    throw new HostError(
      'image files are unpacked by the package tar-stream, which is not installed: npm install tar-stream',
    )
  }
}

function decompressor(archive: Fd<'outside'>): Transform | undefined {
  const start = Buffer.alloc(ZSTD.length)
  readSync(archive.number, start, 0, start.length, 0)
  const begins = (bytes: readonly number[]) => bytes.every((byte, at) => start[at] === byte)
  if (begins(GZIP)) return zlib.createGunzip()
  if (!begins(ZSTD)) return undefined
  // Since Node.js 22.15; the types are of an older one.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform }
  if (createZstdDecompress === undefined)
    throw new HostError(`\`${archive.subject}\` is compressed with zstd, which Node.js has from 22.15 on`)
  return createZstdDecompress()
}
