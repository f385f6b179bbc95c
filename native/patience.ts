import { currentPhrase, type Phrase, phraseTexts } from './failure.ts'
import type { Kernel } from './kernel.ts'

// A command that hangs is to say what it hangs at. Whoever waits for somebody else does so for SLOW_MS first, tells, and
// waits on: there is no clock to be set or looked at, and what is fast costs nothing.

/** A wait that is worth a word. */
export const SLOW_MS = 5_000

type Listener = (text: string) => void

let listener: Listener | undefined

/** Who is told, from now on; one for the process, as all that waits blocks it. */
export function whenSlow(tell: Listener | undefined): void {
  listener = tell
}

/** Something takes long. What is being done, outermost first, comes before `what`. */
export function tellSlow(what: string, phrase: Phrase | undefined = currentPhrase()): void {
  listener?.([...phraseTexts(phrase), `${what} (it takes more than ${SLOW_MS / 1000} s)`].join(': '))
}

/** poll(2) that calls `slow` when it takes long; see Kernel.poll. */
export function pollPatiently(
  kernel: Kernel,
  entries: Parameters<Kernel['poll']>[0],
  timeoutMs: number,
  slow: () => void,
  ending: readonly number[] = [],
): number[] {
  const isLong = timeoutMs < 0 || timeoutMs > SLOW_MS
  const events = kernel.poll(entries, isLong ? SLOW_MS : timeoutMs, ending)
  if (!isLong || events.some(Boolean)) return events
  slow()
  return kernel.poll(entries, timeoutMs < 0 ? timeoutMs : timeoutMs - SLOW_MS, ending)
}
