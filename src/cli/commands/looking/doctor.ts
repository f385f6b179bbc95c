import type { CheckLevel, CheckResult } from '../../../diagnose/doctor/checkResult.ts'
import { examine } from '../../../diagnose/doctor/doctor.ts'
import { type Paint, paintFor, type Style } from '../../paint.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'doctor'> = (runtime, { format }) => {
  const findings = examine(runtime)
  const possible = !findings.some(({ level }) => level === 'problem')
  runtime.write(
    format === 'json'
      ? `${JSON.stringify({ possible, findings }, undefined, 2)}\n`
      : formatFindings(findings, paintFor(runtime)),
  )
  return possible ? 0 : 1
}

const WIDTH = 10

const STYLES: Readonly<Record<CheckLevel, Style>> = { ok: 'green', warning: 'yellow', problem: 'red' }

function formatFindings(findings: readonly CheckResult[], paint: Paint): string {
  return `${findings.map(finding => formatFinding(finding, paint)).join('')}\n${paint('bold', verdict(findings))}\n`
}

/** The fix stands below, in line with the sentence. */
function formatFinding({ area, level, text, fix }: CheckResult, paint: Paint): string {
  const lines = fix?.split('\n').map((line, i) => `${' '.repeat(WIDTH)}${i === 0 ? '=> ' : '   '}${line}\n`) ?? []
  return `${paint(STYLES[level], level)}${' '.repeat(WIDTH - level.length)}${area}: ${text}\n${lines.join('')}`
}

function verdict(findings: readonly CheckResult[]): string {
  const count = (level: CheckLevel) => findings.filter(finding => finding.level === level).length
  const counted = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`
  const [problems, warnings] = [count('problem'), count('warning')]
  if (problems > 0) return `no containers: ${counted(problems, 'problem')}, ${counted(warnings, 'warning')}`
  return warnings > 0 ? `containers work; ${counted(warnings, 'warning')}` : 'containers work'
}
