import { Failure } from '../native/failure.ts'

export { doing, Failure, isErrno, KernelError } from '../native/failure.ts'

/** The configuration asks for something impossible, wrong, or not built. `pointer` is a JSON pointer into config.json. */
export class ConfigError extends Failure {
  override readonly kind = 'config'
  override readonly name = 'ConfigError'
  override readonly code: string = 'ERR_TSRUN_CONFIG'
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
  override readonly name = 'UsageError'
  override readonly code: string = 'ERR_TSRUN_USAGE'
}

/** The operation does not fit the container's state, or there is no such container. */
export class StateError extends Failure {
  override readonly kind = 'state'
  override readonly name = 'StateError'
  override readonly code: string = 'ERR_TSRUN_STATE'
}

/** The host can not do what is asked: a missing kernel feature, controller, or program. */
export class HostError extends Failure {
  override readonly kind = 'host'
  override readonly name = 'HostError'
  override readonly code: string = 'ERR_TSRUN_HOST'
}

/** Writes a key into a JSON pointer, RFC 6901. */
export function escaped(key: string): string {
  return key.replace(/~/g, '~0').replace(/\//g, '~1')
}
