import { Failure } from '../errors.ts'

/** What a program has written before it was ended. */
interface Written {
  readonly stdout: string | Buffer
  readonly stderr: string | Buffer
}

/** A program whose output is waited for was ended by its signal, which has the `cause`. */
export class AbortError extends Failure {
  override readonly kind: string = 'aborted'
  override readonly name: string = 'AbortError'
  override readonly code: string = 'ABORT_ERR'
  /** The reason of the signal. */
  override readonly cause: unknown
  /** What it had written to its standard output. */
  readonly stdout: string | Buffer
  /** What it had written to its standard error. */
  readonly stderr: string | Buffer

  constructor(reason: string, cause: unknown, { stdout, stderr }: Written) {
    super(reason)
    this.cause = cause
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** The same for a signal of AbortSignal.timeout(). */
export class TimeoutError extends AbortError {
  override readonly name = 'TimeoutError'
  override readonly code = 'ETIMEDOUT'
}

/** A program has written more than was to be collected, and was killed. */
export class MaxOutputError extends Failure {
  override readonly kind = 'output'
  override readonly name = 'MaxOutputError'
  override readonly code = 'ERR_TSRUN_MAX_OUTPUT'
  /** The first `maxOutput` bytes of its standard output, or fewer. */
  readonly stdout: string | Buffer
  /** As `stdout`, of its standard error. */
  readonly stderr: string | Buffer

  constructor(maxOutput: number, { stdout, stderr }: Written) {
    super(`the program has written more than ${maxOutput} bytes (maxOutput)`)
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** The error for a signal's reason. */
export function abortedBy(reason: unknown, written: Written): AbortError {
  const { name, message = String(reason) } = Object(reason) as Partial<Error>
  return name === 'TimeoutError'
    ? new TimeoutError('the program has timed out, and was killed', reason, written)
    : new AbortError(`the program was aborted, and was killed: ${message}`, reason, written)
}
