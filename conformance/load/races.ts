// Sixteen commands at once on one id.

import { Count, type Part } from './part.ts'
import type { Place } from './place.ts'
import { type Event, impossible, type Verb } from './stateMachine.ts'

const AT_ONCE = 16
/** What begins together does not arrive together. */
const SPREAD_MS = 40

const VERBS: readonly Verb[] = ['create', 'create', 'create', 'start', 'start', 'kill', 'delete', 'delete --force']

function wordsOf(verb: Verb, bundle: string, id: string): string[] {
  switch (verb) {
    case 'create':
      return ['create', '--bundle', bundle, id]
    case 'start':
    case 'delete':
      return [verb, id]
    case 'kill':
      return ['kill', id, 'KILL']
    case 'delete --force':
      return ['delete', '--force', id]
    default:
      return verb satisfies never
  }
}

async function one(place: Place, bundle: string, id: string, complain: (text: string) => void): Promise<Event> {
  await new Promise(resolve => setTimeout(resolve, Math.random() * SPREAD_MS))
  const verb = VERBS[Math.floor(Math.random() * VERBS.length)]!
  const begin = performance.now()
  const { status, signal, stderr } = await place.launch(place.command(...wordsOf(verb, bundle, id))).done
  if (signal !== null) complain(signal === 'SIGKILL' ? `${verb} hangs` : `${verb} dies of ${signal}`)
  if (status !== 0 && !/^tsrun: [^\n]+\n$/.test(stderr)) complain(`${verb} says ${JSON.stringify(stderr)}`)
  return { verb, begin, end: performance.now(), worked: status === 0, words: stderr }
}

export const races: Part = {
  name: 'races',
  what: '16 commands at once on one id: every outcome is one that the state machine allows',
  async run(place, goesOn) {
    const count = new Count()
    const bundle = place.bundle()
    const worked = new Map<Verb, number>()
    do {
      const id = place.id()
      const problems: string[] = []
      const events = await Promise.all(
        Array.from({ length: AT_ONCE }, () => one(place, bundle, id, text => problems.push(text))),
      )
      const wrong = impossible(events)
      if (wrong !== undefined) problems.push(wrong)
      for (const event of events) if (event.worked) worked.set(event.verb, (worked.get(event.verb) ?? 0) + 1)
      if (place.status(id) === undefined) count.nothing += 1
      else count.whole += 1
      const { status, stderr } = place.oci('delete', '--force', id)
      if (status !== 0 || stderr !== '') problems.push(`delete --force afterwards: ${stderr}`)
      const left = place.left()
      if (left.length > 0) place.clear()
      count.tries += 1
      count.left.push(...left)
      count.problems.push(...problems)
    } while (goesOn())
    const words = [...worked].map(([verb, times]) => `${times} ${verb}`)
    return [{ name: `${AT_ONCE} at once`, figures: { ...count, notes: [`worked: ${words.join(', ')}`] } }]
  },
}
