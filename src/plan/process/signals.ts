import { SIGRTMAX, SIGRTMIN, signals } from '../../../native/abi/signal.ts'

/** Other names for the same numbers, see signal(7). */
const aliases: Readonly<Record<string, number>> = { SIGIOT: 6, SIGCLD: 17, SIGPOLL: 29, SIGUNUSED: 31 }

/** The names of the real-time signals count up from one end and down from the other; 49 is the last of the lower half. */
const LAST_COUNTED_UP = 49

function realTimeNumber(name: string): number | undefined {
  const match = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name)
  if (match === null) return undefined
  const [, end, sign, digits] = match
  if (sign !== undefined && (sign === '+') !== (end === 'MIN')) return undefined
  const distance = Number(digits ?? 0)
  const number = end === 'MIN' ? SIGRTMIN + distance : SIGRTMAX - distance
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined
}

/**
 * The number of a signal given as `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `SIGRTMAX-1`, in any case; undefined when there
 * is no such signal. 0 is one: kill(2) then only asks whether the process exists.
 */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text)
    return number <= SIGRTMAX ? number : undefined
  }
  const upper = text.toUpperCase()
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`
  if (Object.hasOwn(signals, name)) return signals[name]
  if (Object.hasOwn(aliases, name)) return aliases[name]
  return realTimeNumber(name)
}

/** The name of a signal: `SIGTERM`, `SIGRTMIN+3`, and `signal 32` for the ones without a name. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(signals)) if (value === number) return name
  if (number < SIGRTMIN || number > SIGRTMAX) return `signal ${number}`
  if (number === SIGRTMIN) return 'SIGRTMIN'
  if (number === SIGRTMAX) return 'SIGRTMAX'
  return number <= LAST_COUNTED_UP ? `SIGRTMIN+${number - SIGRTMIN}` : `SIGRTMAX-${SIGRTMAX - number}`
}
