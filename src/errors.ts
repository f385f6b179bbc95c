import { Failure } from '../native/failure.ts'

export { doing, Failure, isErrno, KernelError } from '../native/failure.ts'

/** The configuration asks for something impossible, wrong, or not built. `pointer` is a JSON pointer into config.json. */
export class ConfigError extends Failure {
  override readonly kind = 'config'
  /** `/process/user/uid`; undefined where it is not about one value. */
  readonly pointer: string | undefined

  constructor(reason: string, pointer?: string) {
    super(pointer === undefined ? reason : `${pointer}: ${reason}`)
    this.pointer = pointer
  }
}

/** The command line is wrong: exit code 1, with a pointer to the help. */
export class UsageError extends Failure {
  override readonly kind = 'usage'
}

/** The operation does not fit the container's state, or there is no such container. */
export class StateError extends Failure {
  override readonly kind = 'state'
}

/** The host can not do what is asked: a missing kernel feature, controller, or program. */
export class HostError extends Failure {
  override readonly kind = 'host'
}

/** Writes a key into a JSON pointer, RFC 6901. */
export function escaped(key: string): string {
  return key.replace(/~/g, '~0').replace(/\//g, '~1')
}
