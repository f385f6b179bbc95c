/** Lines about what does not matter, or that only say that it failed. */
const IDLE = [/ rlimit: /, /(Dumping|Pre-dumping|Restoring) FAILED/, /Can't keep kdat cache/, /cgroupd: recv req error/]

/** How many lines are quoted: the cause comes first, then what followed from it. */
const QUOTED = 3

/**
 * What libc says for an errno becomes its name: engines take such words for a missing or forbidden executable.
 */
const NAMES: readonly (readonly [words: RegExp, name: string])[] = [
  [/no such file or directory/gi, 'ENOENT'],
  [/permission denied/gi, 'EACCES'],
  [/operation not permitted/gi, 'EPERM'],
]

/** `(00.123456)  4711: Error (criu/mount.c:1081): mnt: ...` has the message at its end. */
const ERROR = /^(?:\(\s*[\d.]+\)\s*)?(?:\s*\d+:\s*)?Error \([^)]*\):\s*(.*)$/

/** The first errors in a log of CRIU, as one line; undefined when there are none. */
export function quoteErrors(log: string): string | undefined {
  const errors = log
    .split('\n')
    .filter(line => !IDLE.some(pattern => pattern.test(line)))
    .flatMap(line => ERROR.exec(line)?.[1]?.trim() ?? [])
  if (errors.length === 0) return undefined
  const quoted = [...new Set(errors)].slice(0, QUOTED).join('; ')
  return NAMES.reduce((text, [words, name]) => text.replace(words, name), quoted)
}

/** What CRIU can not do at all, and its word for that. */
const LIMITS: readonly (readonly [words: RegExp, advice: string])[] = [
  [
    /temporary directory: Read-only file system/,
    'it restores no container whose root file system is read-only; make checkpoints of those with `root.readonly` false',
  ],
]

/** What to do about an error in a log of CRIU, where that is known. */
export function adviceFor(log: string): string | undefined {
  return LIMITS.find(([words]) => words.test(log))?.[1]
}
