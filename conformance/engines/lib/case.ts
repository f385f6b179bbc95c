/** What a machine may not have, by the name that a case uses. */
export type Need = 'memory' | 'cpu' | 'pids' | 'io' | 'criu' | 'rights'

/** Something that an engine is asked to do with a runtime. */
export interface Case {
  readonly name: string
  /** A script for sh, with -e. */
  readonly run: string
  /** Its standard output, without the end of the last line. Anything, if absent. */
  readonly prints?: string | RegExp
  /** Its exit code: 0 if absent. */
  readonly status?: number
  /** Standard error must match. */
  readonly says?: RegExp
  readonly needs?: readonly Need[]
  /** Why tsrun may fail where others pass: a sentence for the table. */
  readonly explained?: string
  /** Seconds, 60 if absent. */
  readonly limit?: number
}

export type Outcome = { readonly result: 'passed' } | { readonly result: 'failed' | 'skipped'; readonly why: string }

/** How a script ended. */
export interface Ending {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

const quote = (text: string) => JSON.stringify(text.length > 600 ? `...${text.slice(-600)}` : text)

/** Did the script do what the case expects? */
export function judge({ prints, status = 0, says }: Case, ending: Ending): Outcome {
  const stdout = ending.stdout.replaceAll('\r\n', '\n').replace(/\n$/, '')
  const complaints: string[] = []
  if (ending.signal !== null) complaints.push(`ended by ${ending.signal}`)
  else if (ending.status !== status) complaints.push(`exit code ${ending.status}`)
  if (typeof prints === 'string' ? stdout !== prints : prints !== undefined && !prints.test(stdout))
    complaints.push(`printed ${quote(stdout)}, not ${prints instanceof RegExp ? prints : quote(prints ?? '')}`)
  if (says !== undefined && !says.test(ending.stderr)) complaints.push(`does not say ${says}`)
  if (complaints.length === 0) return { result: 'passed' }
  const stderr = ending.stderr.trim()
  return { result: 'failed', why: `${complaints.join('; ')}${stderr === '' ? '' : `; stderr: ${quote(stderr)}`}` }
}
