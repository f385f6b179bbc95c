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

/** The same error, of the same class. */
export function receiveError({ message, stack, properties, cleanup }: SentError): Error {
  const error = new Error(message)
  const known = CLASSES[`${properties['kind']}`]
  if (known) Object.setPrototypeOf(error, known.prototype)
  Object.assign(error, properties, known && { cleanup: cleanup.map(receiveError) })
  if (stack !== undefined) error.stack = stack
  return error
}
