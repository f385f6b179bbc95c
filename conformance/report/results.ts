// What the cases said about a runtime: results of vitest, and the file that `npm run proof conformance -- --json FILE` writes.

import { relative } from 'node:path'

export type Verdict = 'passed' | 'failed' | 'skipped'

export interface Case {
  /** `conformance/cases/lifecycle/run.test.ts`. */
  readonly file: string
  /** With the titles of the groups around it. */
  readonly title: string
  readonly verdict: Verdict
  /** The first line of what went wrong. */
  readonly reason?: string
}

export interface Report {
  /** The first line of --version. */
  readonly runtime: string
  readonly cases: readonly Case[]
}

/** What `vitest --reporter=json` writes, as far as it matters. */
interface VitestResults {
  readonly testResults: readonly {
    readonly name: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** Reads it; paths become relative to `root`. A file that could not even be loaded is a failed case of its own. */
export function readVitest(text: string, root: string): Case[] {
  const { testResults } = JSON.parse(text) as VitestResults
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = relative(root, name)
    if (assertionResults.length === 0 && message) return [broken(file, message)]
    return assertionResults.map(({ fullName, status, failureMessages }) => ({
      file,
      title: fullName,
      verdict: verdictOf(status),
      ...(failureMessages?.[0] !== undefined && { reason: failureMessages[0].split('\n')[0]! }),
    }))
  })
}

/** A file of which there are no results. */
export function broken(file: string, message: string): Case {
  return { file, title: 'the file as a whole', verdict: 'failed', reason: message.split('\n')[0]! }
}

function verdictOf(status: string): Verdict {
  return status === 'passed' || status === 'failed' ? status : 'skipped'
}

/** The Test Anything Protocol, version 14. */
export function tap(cases: readonly Case[], from = 1): string {
  return cases
    .map(({ file, title, verdict, reason }, at) => {
      const name = `${file.replace(/^conformance\/|\.test\.ts$/g, '')}: ${title.replaceAll('#', '\\#')}`
      const line = `${verdict === 'failed' ? 'not ok' : 'ok'} ${from + at} - ${name}`
      return verdict === 'skipped' ? `${line} # SKIP\n` : reason ? `${line}\n  # ${reason}\n` : `${line}\n`
    })
    .join('')
}
