import { ConfigError, Failure, HostError, KernelError, StateError, UsageError } from '../errors.ts'

/** By `kind`, since names change in the hands of a bundler. */
const CLASSES: Readonly<Record<string, { readonly prototype: Failure }>> = {
  failure: Failure,
  config: ConfigError,
  host: HostError,
  kernel: KernelError,
  state: StateError,
  usage: UsageError,
}

/** An error as it can be sent to another thread, where it would lose its class and its properties. */
export interface SentError {
  readonly message: string
  readonly stack: string | undefined
  readonly properties: Readonly<Record<string, unknown>>
  readonly cleanup: readonly SentError[]
}

export function sendError(thrown: unknown): SentError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { cleanup = [], ...properties } = { ...error } as { cleanup?: readonly Error[] }
  const { message, stack } = error
  return { message, stack, properties, cleanup: cleanup.map(sendError) }
}

/**
 * The same error, of the same class. With the `caller`, which knows who asked for the work, the stack is that of the caller,
 * and `cause` has the one of the other thread.
 */
export function receiveError({ message, stack, properties, cleanup }: SentError, caller?: Caller): Error {
  const error = new Error(message)
  const known = CLASSES[`${properties['kind']}`]
  if (known) Object.setPrototypeOf(error, known.prototype)
  Object.assign(error, properties, known && { cleanup: cleanup.map(sent => receiveError(sent)) })
  if (caller === undefined) {
    if (stack !== undefined) error.stack = stack
    return error
  }
  const cause = new Error(message)
  if (stack !== undefined) cause.stack = stack
  Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
  return calledBy(error, caller)
}

/** Who called, as a stack. */
export interface Caller {
  readonly stack: string
}

/** The frames above `below`, which is the function that somebody has called. */
export function callerOf(below: (...args: never[]) => unknown): Caller {
  const caller = { stack: '' }
  Error.captureStackTrace(caller, below)
  return caller
}

/** The error with the stack of the caller. */
export function calledBy<E extends Error>(error: E, { stack }: Caller): E {
  const frames = stack.split('\n').filter(line => line.startsWith('    at '))
  Object.defineProperty(error, 'stack', {
    value: [`${error.name}: ${error.message}`, ...frames].join('\n'),
    writable: true,
    configurable: true,
  })
  return error
}
