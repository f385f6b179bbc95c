import { Failure, UsageError } from '../../errors.ts'

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new UsageError(`\`${pattern}\` is not a regular expression: ${(error as Error).message}`)
  }
}

/**
 * Does `work` for every id in which `pattern` is found. A failure stops none of the others; the first is thrown at the
 * end, the rest travel beside it. Throws a UsageError for a bad pattern.
 */
export function forMatching(ids: readonly string[], pattern: string, work: (id: string) => void): void {
  const expression = compile(pattern)
  const failures: Failure[] = []
  for (const id of ids) {
    if (!expression.test(id)) continue
    try {
      work(id)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      failures.push(error)
    }
  }
  const [first, ...others] = failures
  if (first === undefined) return
  first.cleanup.push(...others)
  throw first
}
