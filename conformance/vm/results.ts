// From what a machine left in the shared directory to what passed, failed and was skipped.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures } from '../lib/figures.ts'
import { repository } from '../lib/repository.ts'
import { HOSTS, type Host, type Lane, type Topic, topicsOf } from './lanes.ts'
import { figuresResult, vitestResult } from './task.ts'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** One line of the report: a file on a host. */
export interface Row extends Counts {
  readonly what: string
  readonly host: Host
  /** What went wrong or was left out, a line each. */
  readonly remarks: readonly string[]
}

interface Assertion {
  readonly status: string
  readonly fullName: string
  /** Also of a test that passed when it was tried again. */
  readonly failureMessages?: readonly string[]
}

interface VitestReport {
  testResults: { name: string; message: string; assertionResults: Assertion[] }[]
}

function readReport(path: string): VitestReport {
  // Without results none of the files ran, and each of them will be told to be missing.
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as VitestReport) : { testResults: [] }
}

/** How the remark on a test starts that passed only when it was tried again. */
export const UNSTEADY = 'unsteady: '

function firstLines(messages: readonly string[]): string {
  return (messages[0] ?? '').split('\n').slice(0, 6).join(' ')
}

/** Judges one file. It is in the lane because its needs are met there, so what did not run there is a failure. */
function judge(topic: Topic, host: Host, report: VitestReport): Row {
  const file = report.testResults.find(({ name }) => name === join(repository, 'conformance', topic.file))
  const row = { what: topic.file, host, passed: 0, failed: 0, skipped: 0, remarks: [] as string[] }
  for (const { status, fullName, failureMessages = [] } of file?.assertionResults ?? []) {
    const reason = Object.entries(topic.skips ?? {}).find(([title]) => fullName.startsWith(title))?.[1]
    if (status === 'passed') {
      row.passed += 1
      if (failureMessages.length > 0) row.remarks.push(`${UNSTEADY}${fullName}: ${firstLines(failureMessages)}`)
    } else if (status === 'failed') {
      row.failed += 1
      row.remarks.push(`failed: ${fullName}: ${firstLines(failureMessages)}`)
    } else if (reason !== undefined) {
      row.skipped += 1
      row.remarks.push(`skipped: ${fullName}: ${reason}`)
    } else {
      row.failed += 1
      row.remarks.push(`skipped, but the machine should have all it needs: ${fullName}`)
    }
  }
  if (row.passed + row.failed === 0) {
    row.failed = 1
    row.remarks.push(file?.message ? file.message : 'it did not run')
  }
  return row
}

/** The rows of a lane, in its order. */
export function judgeLane(lane: Lane, shared: string): Row[] {
  return HOSTS.flatMap(host => {
    const report = readReport(join(shared, vitestResult(host)))
    return topicsOf(lane, host).map(topic => judge(topic, host, report))
  })
}

/** The table of what the lane's cases of confinement have seen, a line each. */
export function figuresTable(shared: string): string[] {
  const rows = HOSTS.flatMap(host => {
    const path = join(shared, figuresResult(host))
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
    return lines.map(line => {
      const { asked, inside, kernel } = JSON.parse(line) as Figures
      return [host, asked, inside, kernel]
    })
  })
  if (rows.length === 0) return []
  const table = [['host', 'asked for', 'seen inside', 'what the kernel did'], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  return table.map(row =>
    row
      .map((word, column) => word.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}

export function sum(rows: readonly Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const row of rows) {
    total.passed += row.passed
    total.failed += row.failed
    total.skipped += row.skipped
  }
  return total
}

/** As `.ci/run` prints them. */
export function countsText({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
