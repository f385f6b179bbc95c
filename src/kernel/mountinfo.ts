/** A line of /proc/PID/mountinfo, see proc_pid_mountinfo(5). */
export interface MountRow {
  readonly id: number
  readonly parent: number
  /** Major and minor number of the file system: `0:21`. */
  readonly device: string
  /** What of the file system is mounted. */
  readonly root: string
  /** Where, as seen from the process's root. */
  readonly target: string
  /** Of this mount: `ro`, `nosuid`. */
  readonly options: readonly string[]
  /** Of its propagation: `shared:1`, `master:2`. */
  readonly tags: readonly string[]
  readonly type: string
  readonly source: string
  /** Of the file system. */
  readonly superOptions: readonly string[]
}

/** The lines of a mountinfo. */
export function parseMountinfo(text: string): MountRow[] {
  return text.split('\n').filter(Boolean).map(parseRow)
}

function parseRow(line: string): MountRow {
  const words = line.split(' ')
  const dash = words.indexOf('-', 6)
  const [id, parent, device, root, target, options] = words
  const [type, source, superOptions] = words.slice(dash + 1)
  return {
    id: Number(id),
    parent: Number(parent),
    device: device ?? '',
    root: unescaped(root),
    target: unescaped(target),
    options: options?.split(',') ?? [],
    tags: words.slice(6, dash),
    type: unescaped(type),
    source: unescaped(source),
    superOptions: superOptions?.split(',') ?? [],
  }
}

/** Blanks and backslashes are written as octal numbers. */
function unescaped(word = ''): string {
  return word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount that one sees at this place: of several on top of each other the last. */
export function topmost(rows: readonly MountRow[], target: string): MountRow | undefined {
  const here = rows.filter(row => row.target === target)
  return here.findLast(row => !here.some(other => other.parent === row.id))
}
