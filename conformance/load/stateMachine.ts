// Is what several commands on one id have said possible? There has to be an order of theirs, in which nobody who ended
// before another began comes after that, and in which every answer is what the state machine of runtime.md allows.

export type Verb = 'create' | 'start' | 'kill' | 'delete' | 'delete --force'

export interface Event {
  readonly verb: Verb
  readonly begin: number
  readonly end: number
  readonly worked: boolean
  /** stderr. */
  readonly words: string
}

/** `dying`: SIGKILL is sent, and whether it has arrived is not to be known. */
type State = 'none' | 'creating' | 'created' | 'running' | 'dying'

/** One instant at which a command does something. */
interface Moment {
  readonly event: number
  /** The states in which it may happen, and what comes of it. */
  readonly from: Readonly<Partial<Record<State, readonly State[]>>>
  /** Comes after another moment of the same command. */
  readonly after?: number
}

/** What a container that is being killed may still be. */
const ANY: readonly State[] = ['none', 'creating', 'created', 'running', 'dying']
const stay = (...states: State[]): Moment['from'] => Object.fromEntries(states.map(state => [state, [state]]))
const become = (target: State, ...states: State[]): Moment['from'] =>
  Object.fromEntries(states.map(state => [state, [target]]))

/** Which states an answer speaks of. */
const COMPLAINTS: readonly (readonly [words: RegExp, states: readonly State[]])[] = [
  [/does not exist/, ['none']],
  [/already exists/, ['creating', 'created', 'running', 'dying']],
  [/still being created/, ['creating', 'dying']],
  [/already running/, ['running', 'dying']],
  [/not stopped: (creating|running)/, ['creating', 'running', 'dying']],
  [/has stopped|not running/, ['dying']],
]

/** The moments of one command: none when its words are not to be understood. */
function momentsOf(event: Event, index: number): Omit<Moment, 'after'>[] | undefined {
  const { verb, worked, words } = event
  const one = (from: Moment['from']) => [{ event: index, from }]
  if (worked)
    switch (verb) {
      case 'create':
        return [
          { event: index, from: { none: ['creating'] } },
          { event: index, from: { creating: ['created'], dying: ['dying'] } },
        ]
      case 'start':
        return one({ created: ['running'], dying: ['dying'] })
      case 'kill':
        return one(become('dying', 'created', 'running', 'dying'))
      case 'delete':
        // It kills what waits for start, and then removes it.
        return [
          { event: index, from: become('dying', 'created', 'dying') },
          { event: index, from: become('none', 'dying') },
        ]
      case 'delete --force':
        return [
          { event: index, from: { ...stay('none', 'creating'), ...become('dying', 'created', 'running', 'dying') } },
          { event: index, from: become('none', ...ANY) },
        ]
      default:
        return verb satisfies never
    }
  const complaint = COMPLAINTS.find(([pattern]) => pattern.test(words))
  if (complaint !== undefined) return one(stay(...complaint[1]))
  // It had begun, and somebody else killed or deleted what it worked on.
  if (verb === 'create')
    return [
      { event: index, from: { none: ['creating'] } },
      { event: index, from: { creating: ['none'], none: ['none'], dying: ['none'] } },
    ]
  if (verb === 'start') return one({ dying: ['dying'], none: ['none'] })
  return undefined
}

/** Undefined when there is such an order; else what is wrong, in words. */
export function impossible(events: readonly Event[], end: State | 'any' = 'any'): string | undefined {
  const moments: Moment[] = []
  for (const [index, event] of events.entries()) {
    const own = momentsOf(event, index)
    if (own === undefined) return `${event.verb} says ${JSON.stringify(event.words)}`
    for (const [at, moment] of own.entries()) moments.push(at === 0 ? moment : { ...moment, after: moments.length - 1 })
  }
  const wanted = (1 << moments.length) - 1
  const seen = new Set<string>()
  /** Everything that has to be over before: earlier moments of the same command, and commands that had ended. */
  const before = moments.map(({ event, after }) =>
    moments.reduce((mask, other, at) => {
      const precedes = at === after || events[other.event]!.end < events[event]!.begin
      return precedes ? mask | (1 << at) : mask
    }, 0),
  )
  const search = (done: number, state: State): boolean => {
    if (done === wanted) return end === 'any' || state === end
    const key = `${done} ${state}`
    if (seen.has(key)) return false
    seen.add(key)
    return moments.some(
      ({ from }, at) =>
        (done & (1 << at)) === 0 &&
        (before[at]! & ~done) === 0 &&
        (from[state] ?? []).some(next => search(done | (1 << at), next)),
    )
  }
  if (search(0, 'none')) return undefined
  const lines = events.map(
    ({ verb, begin, end: last, worked, words }) =>
      `${begin.toFixed(1)}-${last.toFixed(1)} ${verb}: ${worked ? 'ok' : words.trim()}`,
  )
  return `no order of these is possible:\n  ${lines.join('\n  ')}`
}
