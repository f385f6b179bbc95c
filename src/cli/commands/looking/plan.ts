import { type StepList, stepsFor } from '../../../diagnose/plan.ts'
import { doing } from '../../../errors.ts'
import { difference, type DiffLine } from '../../../plan/steps/difference.ts'
import { type Step, stepText } from '../../../plan/steps/step.ts'
import { type Paint, paintFor } from '../../paint.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'plan'> = (runtime, options, [bundle = '.']) => {
  const id = options.id || undefined
  const list = doing(`plan \`${bundle}\``, () =>
    stepsFor(runtime, { bundle, configFile: options.config || undefined, id }),
  )
  if (options.diff === undefined) {
    runtime.write(options.format === 'json' ? json(list) : planText(list.steps, paintFor(runtime)))
    return 0
  }
  const { diff } = options
  const other = doing(`plan \`${diff}\``, () => stepsFor(runtime, { bundle: diff, id: list.id }))
  const lines = difference(list.steps, relocated(other, list.bundle), step => `${step.phase} ${stepText(step)}`)
  const differ = lines.some(({ side }) => side !== 'both')
  runtime.write(options.format === 'json' ? json(changes(lines)) : differenceText(lines, paintFor(runtime)))
  return differ ? 1 : 0
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** A heading for each command, and a numbered line for each step. */
function planText(steps: readonly Step[], paint: Paint): string {
  return steps
    .map((step, i) => {
      const heading = steps[i - 1]?.phase === step.phase ? '' : `${paint('bold', step.phase)}\n`
      return `${heading}${String(i + 1).padStart(4)}  ${stepText(step)}\n`
    })
    .join('')
}

/** Paths below the other bundle as if it stood where the first one is: that they differ says nothing. */
function relocated({ bundle, steps }: StepList, to: string): Step[] {
  const moved = JSON.stringify(steps, (_, value) =>
    typeof value === 'string' && (value === bundle || value.startsWith(`${bundle}/`))
      ? `${to}${value.slice(bundle.length)}`
      : value,
  )
  return JSON.parse(moved)
}

function changes(lines: readonly DiffLine<Step>[]) {
  const only = (side: DiffLine<Step>['side']) => lines.filter(line => line.side === side).map(({ entry }) => entry)
  return { removed: only('first'), added: only('second') }
}

function differenceText(lines: readonly DiffLine<Step>[], paint: Paint): string {
  const marks = { both: ' ', first: '-', second: '+' } as const
  return lines
    .filter(({ side }) => side !== 'both')
    .map(({ side, entry }) => {
      const line = `${marks[side]} ${entry.phase.padEnd(6)} ${stepText(entry)}`
      return `${paint(side === 'first' ? 'red' : 'green', line)}\n`
    })
    .join('')
}
