import { oneLine } from '../log/log.ts'

/** `error`: create or start would fail, or do something else than what is meant. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note'

/** Something about a bundle that its owner should know. */
export interface Finding {
  readonly severity: Severity
  /** A JSON pointer into config.json; undefined when it is about the whole. */
  readonly pointer: string | undefined
  /** One sentence. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string | undefined
}

export function finding(severity: Severity, pointer: string | undefined, message: string, hint?: string): Finding {
  return { severity, pointer, message, hint }
}

/** Of a message of the form "what is wrong; what to do". */
export function fromReason(severity: Severity, pointer: string | undefined, reason: string): Finding {
  const end = reason.indexOf('; ')
  return end < 0
    ? finding(severity, pointer, reason)
    : finding(severity, pointer, reason.slice(0, end), reason.slice(end + 2))
}

const ORDER: readonly Severity[] = ['error', 'warning', 'note']

/** The worst first, otherwise as they were found; what was found twice is told once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const unique = new Map(findings.map(entry => [`${entry.pointer} ${entry.message}`, entry]))
  return ORDER.flatMap(severity => [...unique.values()].filter(entry => entry.severity === severity))
}

/** How many of each there are: `2 errors, 1 warning`. */
export function summary(findings: readonly Finding[]): string {
  const counts = ORDER.map(severity => {
    const count = findings.filter(entry => entry.severity === severity).length
    return count === 0 ? '' : `${count} ${severity}${count === 1 ? '' : 's'}`
  })
  return counts.filter(Boolean).join(', ') || 'nothing found'
}

/** As text: a line each, and one for what to do about it. */
export function findingText({ severity, pointer, message, hint }: Finding): string {
  const line = `${severity}: ${pointer === undefined ? '' : `${pointer}: `}${message}`
  return `${[line, ...(hint === undefined ? [] : [`    ${hint}`])].map(oneLine).join('\n')}\n`
}
