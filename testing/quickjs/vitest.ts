/** As much of vitest as the contracts need, for an engine in which vitest itself does not run. */

interface Case {
  readonly title: string
  /** Undefined for a test that is skipped. */
  readonly check: (() => void) | undefined
}

const cases: Case[] = []
let suite = ''

export function describe(name: string, declare: () => void): void {
  const outer = suite
  suite = `${outer}${name} > `
  declare()
  suite = outer
}

export function test(title: string, check: () => void): void {
  cases.push({ title: suite + title, check })
}

test.skip = (title: string, _: () => void): void => {
  cases.push({ title: suite + title, check: undefined })
}

function equal(a: unknown, b: unknown, partly = false): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  const right = Object.entries(b)
  if (!partly && left.length !== right.length) return false
  return right.every(([key, value]) => equal((a as Record<string, unknown>)[key], value, partly))
}

/** What expect() gives: each matcher throws when `found` is not as wanted. */
export function expect(found: unknown, what = ''): ReturnType<typeof matchers> & { not: ReturnType<typeof matchers> } {
  return { ...matchers(found, what, true), not: matchers(found, what, false) }
}

function thrownBy(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

function matchers(found: unknown, what: string, wanted: boolean) {
  const check = (holds: boolean, words: string) => {
    if (holds !== wanted) throw new Error(`${what} ${JSON.stringify(found)} is${wanted ? ' not' : ''} ${words}`.trim())
  }
  const number = found as number
  return {
    toBe: (other: unknown) => check(Object.is(found, other), String(other)),
    toEqual: (other: unknown) => check(equal(found, other), JSON.stringify(other)),
    toMatchObject: (other: unknown) => check(equal(found, other, true), `like ${JSON.stringify(other)}`),
    toThrow: (kind: new () => Error) => check(thrownBy(found as () => void) instanceof kind, `throwing ${kind.name}`),
    toBeUndefined: () => check(found === undefined, 'undefined'),
    toBeGreaterThan: (other: number) => check(number > other, `> ${other}`),
    toBeGreaterThanOrEqual: (other: number) => check(number >= other, `>= ${other}`),
  }
}

/** A line of JSON per test: what it is called, and what went wrong, or that it was skipped. */
export interface TestOutcome {
  readonly title: string
  readonly failure?: string
  readonly skipped?: true
}

/** Runs all tests that were declared. */
export function runTests(tell: (outcome: TestOutcome) => void): void {
  for (const { title, check } of cases) {
    if (check === undefined) {
      tell({ title, skipped: true })
      continue
    }
    try {
      check()
      tell({ title })
    } catch (error) {
      tell({ title, failure: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) })
    }
  }
}
