import { errnoName } from './abi/errno.ts'

/**
 * What the program is doing right now, as a chain of phrases from the outermost to the innermost. Every failure
 * captures it when it is made, so that a message reads "create `web`: mount `/proc`: fsmount: EPERM" although no layer
 * in between catches and rethrows.
 */
export interface Phrase {
  readonly text: string
  readonly outer: Phrase | undefined
}

let current: Phrase | undefined

/** Runs `work`; failures made meanwhile carry `text` in their chain. For synchronous work only. */
export function doing<T>(text: string, work: () => T): T {
  const outer = current
  current = { text, outer }
  try {
    return work()
  } finally {
    current = outer
  }
}

/** The chain at this moment. A deferred system call keeps it, because its failure shows up later. */
export function currentPhrase(): Phrase | undefined {
  return current
}

/** Runs `work` as part of what was being done at another moment: see currentPhrase(). */
export function goOnDoing<T>(phrase: Phrase | undefined, work: () => T): T {
  const outer = current
  current = phrase
  try {
    return work()
  } finally {
    current = outer
  }
}

/** The texts from below `base` to `phrase`, outermost first. */
export function phraseTexts(phrase: Phrase | undefined, base?: Phrase): string[] {
  const texts: string[] = []
  for (let at = phrase; at !== undefined && at !== base; at = at.outer) texts.unshift(at.text)
  return texts
}

/** Runs `work` as if it were done inside these phrases. */
export function doingAll<T>(texts: readonly string[], work: () => T): T {
  const [first, ...rest] = texts
  return first === undefined ? work() : doing(first, () => doingAll(rest, work))
}

/** Callers of runc look for `error running createRuntime hook #0`. */
function failing(text: string): string {
  return text.startsWith('running ') ? `error ${text}` : text
}

/** The base of every error that a user gets to read: one sentence, lower case, no full stop. */
export class Failure extends Error {
  /** What was being done, outermost first. */
  readonly phrases: readonly string[]
  /** The sentence without the phrases. */
  readonly reason: string
  /** What went wrong while cleaning up after this failure; printed beside it, never instead of it. */
  readonly cleanup: Failure[] = []
  /** A stable word for programs that react to failures. */
  readonly kind: string = 'failure'
  /** By field and not by the class, whose name a bundler may change. */
  override readonly name: string = 'Failure'
  /** What programs of Node.js look at: an errno's name where there is one, else one of `ERR_TSRUN_`. */
  readonly code: string

  constructor(reason: string, phrase: Phrase | undefined = current, code = 'ERR_TSRUN_FAILURE') {
    const phrases = phraseTexts(phrase).map(failing)
    super([...phrases, reason].join(': '))
    this.phrases = phrases
    this.reason = reason
    this.code = code
  }
}

/** A system call that failed: which, why, on what. Nothing is dressed up at this level. */
export class KernelError extends Failure {
  override readonly kind = 'kernel'
  override readonly name = 'KernelError'
  /** The system call, `openat2`. */
  readonly call: string
  /** The number of the error, positive as in errno(3). */
  readonly errno: number
  /** What the call was about: a path, a mount point, a pid. */
  readonly subject: string | undefined
  /** What the error means here. */
  readonly hint: string | undefined

  /** `errno` is positive, as in errno(3). */
  constructor(call: string, errno: number, subject?: string, hint?: string, phrase: Phrase | undefined = current) {
    const code = errnoName(errno)
    super(
      `${call}${subject === undefined ? '' : ` ${subject}`}: ${code}${hint === undefined ? '' : ` (${hint})`}`,
      phrase,
      code,
    )
    this.call = call
    this.errno = errno
    this.subject = subject
    this.hint = hint
  }
}

/** Something is longer than the memory that calls are made from has room for. */
export class NoRoom extends Failure {
  constructor(bytes: number, left: number) {
    super(
      `a text of the configuration or the command line is too long: a call takes ${bytes} bytes where ${left} are left`,
    )
  }
}

/** Is `error` a failed system call with one of these errno names? */
export function isErrno(error: unknown, ...codes: string[]): error is KernelError {
  return error instanceof KernelError && codes.includes(error.code)
}
