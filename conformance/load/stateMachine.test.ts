import { expect, test } from 'vitest'
import { type Event, impossible, type Verb } from './stateMachine.ts'

/** Commands one after the other; words that do not say `ok` are a complaint. */
function sequence(...steps: [Verb, string][]): Event[] {
  return steps.map(([verb, words], at) => ({ verb, begin: 10 * at, end: 10 * at + 5, worked: words === 'ok', words }))
}

/** The same commands, all at the same time. */
const together = (events: readonly Event[]) => events.map(event => ({ ...event, begin: 0, end: 100 }))

test('a life is possible', () => {
  const life = sequence(['create', 'ok'], ['start', 'ok'], ['kill', 'ok'], ['delete', 'ok'], ['create', 'ok'])
  expect(impossible(life)).toBeUndefined()
  expect(impossible(life, 'created')).toBeUndefined()
  expect(impossible(life, 'none')).toContain('no order')
})

test.each<[string, [Verb, string][]]>([
  [
    'two creates that work',
    [
      ['create', 'ok'],
      ['create', 'ok'],
    ],
  ],
  ['a start without a create', [['start', 'ok']]],
  [
    'two starts that work',
    [
      ['create', 'ok'],
      ['start', 'ok'],
      ['start', 'ok'],
    ],
  ],
  [
    'a delete of what runs',
    [
      ['create', 'ok'],
      ['start', 'ok'],
      ['delete', 'ok'],
    ],
  ],
  [
    'a kill of what is gone',
    [
      ['create', 'ok'],
      ['delete', 'ok'],
      ['kill', 'ok'],
    ],
  ],
  ['an id that is taken by nobody', [['create', 'container already exists']]],
  [
    'a container that is gone by itself',
    [
      ['create', 'ok'],
      ['start', 'does not exist'],
    ],
  ],
])('%s: impossible', (_, steps) => {
  expect(impossible(sequence(...steps))).toContain('no order')
})

test('what is impossible one after the other may be possible at once', () => {
  const events = sequence(['start', 'ok'], ['delete', 'does not exist'], ['create', 'ok'], ['create', 'already exists'])
  expect(impossible(events)).toContain('no order')
  expect(impossible(together(events))).toBeUndefined()
})

test('a forced delete kills first and removes later', () => {
  const events: Event[] = [
    { verb: 'create', begin: 0, end: 1, worked: true, words: '' },
    { verb: 'delete --force', begin: 2, end: 9, worked: true, words: '' },
    { verb: 'start', begin: 3, end: 4, worked: false, words: 'cannot start a container that has stopped' },
  ]
  expect(impossible(events, 'none')).toBeUndefined()
})

test('words that nobody knows are a complaint of their own', () => {
  expect(impossible(sequence(['kill', 'EIO']))).toBe('kill says "EIO"')
})
