/** The result of a call that may not have been made yet; reading `value` makes it happen. */
export interface Result {
  readonly value: number
  /** The same, or undefined while the call has not been made. */
  readonly known: number | undefined
}

/** That of a call that has been made. */
export function knownResult(value: number): Result {
  return { value, known: value }
}
