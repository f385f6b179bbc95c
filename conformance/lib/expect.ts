// What a good failure looks like, said once.

import { expect } from 'vitest'
import type { Result } from './run.ts'
import { isTsrun, type Kind, runtime } from './runtime.ts'

/**
 * The command failed by its own decision and said why. From tsrun: with exit code 1 and exactly one line on stderr that
 * has these words and shows nothing of the program's inside. The peers have words of their own, and more of them;
 * `lenient` ones accept what is wrong here.
 */
export function expectOneSentence(result: Result, words: RegExp, ...lenient: Kind[]): void {
  if (lenient.includes(runtime.kind)) return
  expect(result.signal).toBeNull()
  expect(result.status).toBeGreaterThan(0)
  expect(result.stderr).not.toBe('')
  if (!isTsrun) return
  expect(result.stderr).toMatch(words)
  expect(result.status).toBe(1)
  expect(result.stdout).toBe('')
  expect(result.stderr).toMatch(/^[^\n]+\n$/)
  expect(result.stderr).not.toMatch(/undefined|\[object|\bat .*:\d+:\d+|NaN|node:/)
  expect(result.stderr).not.toMatch(/\.\n$/)
}
