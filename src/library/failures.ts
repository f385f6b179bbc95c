import { ConfigError, Failure, HostError, KernelError, StateError, UsageError } from '../errors.ts'

const CLASSES: readonly (typeof Error)[] = [
  Failure,
  ConfigError,
  HostError,
  KernelError,
  StateError,
  UsageError,
] as unknown as (typeof Error)[]

/** An error as it can be sent to another thread, where it would lose its class and its properties. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly properties: Readonly<Record<string, unknown>>
  readonly cleanup: readonly SentError[]
}

export function sendError(thrown: unknown): SentError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { cleanup = [], ...properties } = { ...error } as { cleanup?: readonly Error[] }
  const { name, message, stack } = error
  return { name, message, stack, properties, cleanup: cleanup.map(sendError) }
}

/** The same error, of the same class. */
export function receiveError({ name, message, stack, properties, cleanup }: SentError): Error {
  const error = new Error(message)
  const known = CLASSES.find(one => one.name === name)
  if (known) Object.setPrototypeOf(error, known.prototype)
  Object.assign(error, properties, known && { cleanup: cleanup.map(receiveError) })
  if (stack !== undefined) error.stack = stack
  return error
}
