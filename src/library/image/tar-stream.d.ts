// What is used of the package tar-stream, which is optional and has no types of its own.

declare module 'tar-stream' {
  /** An entry of an archive; its bytes are what iterating over it gives. */
  export interface Entry extends AsyncIterable<Uint8Array> {
    readonly header: {
      readonly name: string
      readonly type: string
      readonly mode: number
      readonly uid: number
      readonly gid: number
      readonly size: number
      readonly mtime: Date
      readonly linkname: string | null
      readonly devmajor: number
      readonly devminor: number
      /** Records of pax, SCHILY.xattr.NAME among them. */
      readonly pax: Readonly<Record<string, string>> | null
    }
    resume(): void
  }

  export function extract(): NodeJS.WritableStream & AsyncIterable<Entry> & { destroy(error?: Error): void }
}
