import { STDOUT_FILENO } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'

/** SGR parameters, see console_codes(4). */
const CODES = { bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Style = keyof typeof CODES

/** Gives a text its style. */
export type Paint = (style: Style, text: string) => string

/** Who looks: the standard output, and the environment. */
interface Viewer {
  readonly outside: Kernel<'outside'>
  env(name: string): string | undefined
}

/** Styles, where the output is a terminal that has them and NO_COLOR (no-color.org) does not refuse. */
export function paintFor({ outside, env }: Viewer): Paint {
  const terminal = env('TERM') ?? 'dumb'
  const plain = env('NO_COLOR') || terminal === 'dumb' || outside.termios(STDOUT_FILENO) === undefined
  return plain ? (_, text) => text : (style, text) => `\x1b[${CODES[style]}m${text}\x1b[0m`
}

/** Headings, which end in a colon, of the help. */
export function paintHelp(text: string, paint: Paint): string {
  return text.replace(/^[A-Z][a-z]+:/gm, heading => paint('bold', heading))
}
