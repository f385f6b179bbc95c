import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands } from '../lib/contenders.ts'
import { parseTrace } from '../lib/strace.ts'

export const syscalls: Point = {
  name: 'syscalls',
  summary: 'system calls and bytes read during one `run`, by strace',
  measure: async bench => {
    const common = { figure: 'median', better: 'less', reference: bench.reference } as const
    const quantities = [
      { ...common, id: 'syscalls', title: 'System calls of one `run`', unit: 'calls' },
      { ...common, id: 'bytes-read', title: 'Bytes read by one `run`', unit: 'bytes' },
    ]
    if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).error !== undefined)
      return quantities.map(quantity => ({ ...quantity, rows: [], unavailable: 'there is no strace on this machine' }))
    return compare(bench, { title: 'syscalls', rounds: Math.min(rounds(bench, 5), 5), quantities }, contenders(bench))
  },
}

function contenders(bench: Bench) {
  return runCommands(bench, 'trace').map(({ subject, words }) => ({
    subject,
    measure: () => {
      const { calls, bytesRead } = trace(words(), join(bench.directory, 'trace'))
      return [calls, bytesRead]
    },
  }))
}

function trace(words: readonly string[], output: string) {
  const { status, stderr } = spawnSync('strace', ['-f', '-s', '0', '-o', output, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60_000,
  })
  if (status !== 0) throw new Error(`under strace: exit code ${status}: ${stderr.trim().split('\n').at(-1)}`)
  return parseTrace(readFileSync(output, 'utf8'))
}
