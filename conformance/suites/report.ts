// What a run of a public suite has shown, as a page of docs/conformance.

import { spawnSync } from 'node:child_process'
import { basename, resolve } from 'node:path'
import type { Explained } from './explained.ts'
import { command } from './otherRoot.ts'
import { aloneIn, everywhere, markdownTable, type Results, totals } from './table.ts'

/** Paths of runtimes by name, of arguments `[NAME=]PATH`. The first is the one that is judged. */
export function namedRuntimes(words: readonly string[]): Map<string, string> {
  return new Map(
    words.map(text => {
      const [name, path] = text.includes('=') ? text.split('=') : [basename(text), text]
      return [name!, resolve(path!)]
    }),
  )
}

function version(path: string, root: string | undefined): string {
  const [program, ...words] = command(path, root)
  return spawnSync(program, [...words, '--version'], { encoding: 'utf8' }).stdout.split('\n')[0]!
}

const list = (lines: readonly string[]) => lines.map(line => `- ${line}`)

/**
 * Prints the page. Returns an exit code: 1 when the first runtime fails something that another one passes and that is not
 * explained. `notes` are about what fails everywhere; runtimes may be files of another root. An explanation of what does not fail any more is told on standard error.
 */
export function report(
  head: readonly string[],
  results: Results,
  runtimes: ReadonlyMap<string, string>,
  explained: Explained,
  notes: readonly string[],
  root?: string,
): number {
  const names = [...runtimes.keys()]
  const first = names[0]!
  const alone = aloneIn(results, first)
  const unexplained = alone.filter(check => explained[check] === undefined)
  for (const check of Object.keys(explained))
    if (!alone.includes(check)) console.error(`explained, but does not fail alone: ${check}`)
  const lines = [
    ...head,
    '',
    `${new Date().toISOString().slice(0, 10)}: ${[...runtimes.values()].map(path => version(path, root)).join(', ')}.`,
    '',
    ...names.map(name => `- ${name}: ${totals(results, name)}`),
    '',
    markdownTable(results, names),
    `## What ${first} fails and another runtime passes`,
    '',
    ...(alone.length === 0
      ? ['Nothing.']
      : list(alone.map(check => `${check}: ${explained[check] ?? '**not explained**'}`))),
    '',
    '## What fails with every runtime here',
    '',
    ...notes.flatMap(note => [note, '']),
    ...list(everywhere(results)),
  ]
  console.log(lines.join('\n'))
  return unexplained.length > 0 ? 1 : 0
}
