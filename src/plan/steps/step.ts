import { oneLine } from '../../log/log.ts'

/** What a property of a step can be; lists stay lists, so that programs need not take texts apart. */
export type Detail = string | number | boolean | readonly string[]

/** One thing that create or start would do. */
export interface Step {
  readonly phase: 'create' | 'start' | 'delete'
  /** A verb: what is done. */
  readonly action: string
  /** On what: a path, the name of a file, a kind of namespace. */
  readonly subject: string
  /** Everything else; what is not there is left out. */
  readonly details: Readonly<Record<string, Detail>>
  /** Who asks for it: a JSON pointer into config.json. */
  readonly pointer?: string | undefined
}

type Loose = Readonly<Record<string, Detail | undefined>>

/** A step; details that are undefined, false or empty say nothing and are left out. */
export function step(
  phase: Step['phase'],
  action: string,
  subject: string,
  details: Loose = {},
  pointer?: string,
): Step {
  const said = Object.entries(details).filter(([, value]) => value !== undefined && value !== false && !isEmpty(value))
  return {
    phase,
    action,
    subject,
    details: Object.fromEntries(said) as Record<string, Detail>,
    ...(pointer !== undefined && { pointer }),
  }
}

function isEmpty(value: Detail): boolean {
  return Array.isArray(value) && value.length === 0
}

/** A step on a line: `mount /proc  type=proc attributes=nosuid,nodev`. */
export function stepText({ action, subject, details }: Step): string {
  const words = Object.entries(details).map(([key, value]) => (value === true ? key : `${key}=${detailText(value)}`))
  return oneLine([`${action.padEnd(ACTION_WIDTH)} ${subject}`, ...words].join('  '))
}

const ACTION_WIDTH = 12

/** A text with spaces in quotes, so that one can see where it ends. */
function detailText(value: Detail): string {
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return text === '' || /\s/.test(text) ? JSON.stringify(text) : text
}
