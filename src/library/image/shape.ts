import { Failure } from '../../errors.ts'

// The shape of what an image says about itself, which may be anybody's.

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** A list of what `fits`. Errors: Failure. */
export function listOf<T>(value: unknown, fits: (item: unknown) => boolean): readonly T[] {
  if (!Array.isArray(value) || !value.every(fits)) throw damaged()
  return value as T[]
}

export function damaged(): Failure {
  return new Failure('what the image says about itself is not as its specification has it')
}
