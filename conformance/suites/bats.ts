// Runs the bats files of a public suite against runtimes, and prints a page of docs/conformance.

import { readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Explained } from './explained.ts'
import { inOtherRoot, pathInside } from './otherRoot.ts'
import { namedRuntimes, report } from './report.ts'
import { runPart } from './runPart.ts'
import { HANGS, type Outcome } from './table.ts'

interface BatsSuite {
  /** The file in this folder that runs one bats file, and the variable in which it takes the runtime. */
  readonly runner: string
  readonly variable: string
  /** Where the bats files are, below the source. */
  readonly tests: string
  /** The first lines of the page, of the path of the source and that of another root. */
  head(source: string, root: string | undefined): readonly string[]
  readonly explained: Explained
}

/** Does what the command line says; gives the exit code of report(). */
export function runBatsSuite({ runner, variable, tests, head, explained }: BatsSuite): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      suite: { type: 'string' },
      only: { type: 'string', default: '.' },
      tests: { type: 'string', default: '' },
      root: { type: 'string' },
      layer: { type: 'string', multiple: true, default: [] },
      logs: { type: 'string' },
      limit: { type: 'string', default: '300' },
      note: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.suite === undefined || positionals.length === 0) {
    console.error(
      'usage: --suite DIRECTORY [--only PATTERN] [--tests PATTERN] [--root DIRECTORY] [--layer DIRECTORY]... [NAME=]PATH...',
    )
    return 64
  }
  const source = resolve(values.suite)
  const layers = [join(source, '.layer'), ...values.layer].flatMap(directory => ['--layer', resolve(directory)])
  const runtimes = namedRuntimes(positionals)
  const root = values.root === undefined ? undefined : resolve(values.root)
  const elsewhere = root === undefined ? [] : inOtherRoot(root, [source, ...runtimes.values()])

  /** A file that did not come to its end has failed as a whole, too. */
  const run = (file: string, runtime: string, log: string): Outcome => {
    const words = [join(import.meta.dirname, runner), join(source, tests, file), ...elsewhere, ...layers]
    const env = { [variable]: pathInside(runtime, root), LIMIT: values.limit, TESTS: values.tests }
    const { tap, status, signal } = runPart({ words, env, log, logs: values.logs })
    // Podman's suite writes the number of the file before each name.
    const failed = tap.failed.map(name => name.replace(/^\[\d+\] /, ''))
    if (status === 0 || (status === 1 && failed.length > 0)) return { ...tap, failed }
    return { ...tap, failed: [...failed, status === 124 ? HANGS : `ends with ${signal ?? status}`] }
  }

  const only = new RegExp(values.only)
  const results = new Map<string, Map<string, Outcome>>()
  for (const file of readdirSync(join(source, tests)).sort()) {
    const part = basename(file, '.bats')
    if (part === file || !only.test(part)) continue
    const outcomes = new Map([...runtimes].map(([name, path]) => [name, run(file, path, `${part}.${name}.tap`)]))
    results.set(part, outcomes)
    console.error(part, ...[...outcomes].map(([name, { passed, failed }]) => `${name} ${passed}/${failed.length}`))
  }
  return report(head(source, root), results, runtimes, explained, values.note, root)
}
