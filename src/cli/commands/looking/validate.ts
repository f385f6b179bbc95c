import { type Finding, findingText, type Severity, summary } from '../../../diagnose/finding.ts'
import { validateBundle } from '../../../diagnose/validate/validate.ts'
import { doing } from '../../../errors.ts'
import { dirname } from '../../../paths.ts'
import type { Runtime } from '../../../runtime.ts'
import { type Paint, paintFor, type Style } from '../../paint.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'validate'> = (runtime, options, [path = '.']) => {
  const { bundle, config } = named(runtime, path)
  const findings = doing('validate', () => validateBundle(runtime, bundle, options.config || config))
  const valid = findings.every(({ severity }) => severity !== 'error')
  runtime.write(options.format === 'json' ? formatJson(findings, valid) : formatText(findings, paintFor(runtime)))
  return valid ? 0 : 1
}

function formatJson(findings: readonly Finding[], valid: boolean): string {
  return `${JSON.stringify({ valid, findings }, undefined, 2)}\n`
}

const STYLES: Readonly<Record<Severity, Style>> = { error: 'red', warning: 'yellow', note: 'cyan' }

function formatText(findings: readonly Finding[], paint: Paint): string {
  const lines = findings.map(finding =>
    findingText(finding).replace(/^\w+/, word => paint(STYLES[finding.severity], word)),
  )
  return `${lines.join('')}${paint('bold', summary(findings))}\n`
}

/** A bundle, or the file in it that is meant. */
function named(runtime: Runtime, path: string): { bundle: string; config?: string } {
  const isFile = path.endsWith('.json') && !runtime.isBundle(path)
  return isFile ? { bundle: dirname(path), config: path } : { bundle: path }
}
