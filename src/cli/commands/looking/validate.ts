import { type Finding, findingText, summary } from '../../../diagnose/finding.ts'
import { validateBundle } from '../../../diagnose/validate/validate.ts'
import { doing } from '../../../errors.ts'
import type { Verb } from '../../commands.ts'

export const verb: Verb<'validate'> = (runtime, options, [bundle = '.']) => {
  const findings = doing('validate', () => validateBundle(runtime, bundle, options.config || undefined))
  const valid = findings.every(({ severity }) => severity !== 'error')
  runtime.write(options.format === 'json' ? formatJson(findings, valid) : formatText(findings))
  return valid ? 0 : 1
}

function formatJson(findings: readonly Finding[], valid: boolean): string {
  return `${JSON.stringify({ valid, findings }, undefined, 2)}\n`
}

function formatText(findings: readonly Finding[]): string {
  return `${findings.map(findingText).join('')}${summary(findings)}\n`
}
