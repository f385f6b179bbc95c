/** What a program said in the Test Anything Protocol. */
export interface Tap {
  readonly passed: number
  readonly skipped: number
  /** The descriptions of the checks that do not hold. */
  readonly failed: readonly string[]
}

const CHECK = /^(not )?ok\b[ \d-]*([^#]*)(?:#\s*(skip|todo)\b)?/i

/** Reads TAP. A failure that the program itself marks as TODO is counted as skipped. */
export function readTap(text: string): Tap {
  let passed = 0
  let skipped = 0
  const failed: string[] = []
  for (const line of text.split('\n')) {
    const [whole, not, description = '', directive] = CHECK.exec(line) ?? []
    if (whole === undefined) continue
    if (directive !== undefined) skipped++
    else if (not !== undefined) failed.push(description.trim())
    else passed++
  }
  return { passed, skipped, failed }
}
