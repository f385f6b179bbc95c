/** What strace(1) saw of a command and all its processes. */
export interface Trace {
  readonly calls: number
  /** What read(2) and its relatives gave. */
  readonly bytesRead: number
  /** Of every call, most frequent first. */
  readonly byName: readonly (readonly [string, number])[]
}

/** `1234 name(arguments...`: a call, whole or its first half; its other half says `resumed`. */
const CALL = /^\d+ +(\w+)\(/
const READ = /^\d+ +(?:<\.\.\. )?(?:read|pread64|readv|preadv|preadv2)(?: resumed>|\().* = (\d+)$/

/** Reads the output of `strace -f -o FILE`. */
export function parseTrace(text: string): Trace {
  const counts = new Map<string, number>()
  let bytesRead = 0
  for (const line of text.split('\n')) {
    const name = CALL.exec(line)?.[1]
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
    bytesRead += Number(READ.exec(line)?.[1] ?? 0)
  }
  const byName = [...counts].sort(([, a], [, b]) => b - a)
  return { calls: byName.reduce((sum, [, count]) => sum + count, 0), bytesRead, byName }
}
