import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chart } from './chart.ts'
import { markdown } from './markdown.ts'
import type { Results } from './results.ts'

/** Fewer digits than a clock gives, more than anybody needs. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Math.round(value * 1e4) / 1e4 : value
}

/** Writes latest.json, latest.md and latest.svg to a directory. Gives the report for the terminal. */
export async function writeResults(results: Results, directory: string): Promise<string> {
  const report = markdown(results)
  writeFileSync(join(directory, 'latest.json'), `${JSON.stringify(results, rounded, 2)}\n`)
  writeFileSync(join(directory, 'latest.md'), report)
  writeFileSync(join(directory, 'latest.svg'), await chart(results))
  return report
}
