import { expect, test } from 'vitest'
import { signalName, signalNumber } from './signals.ts'

test.each([
  ['TERM', 15],
  ['SIGTERM', 15],
  ['sigterm', 15],
  ['15', 15],
  ['0', 0],
  ['CLD', 17],
  ['RTMIN', 34],
  ['RTMIN+3', 37],
  ['SIGRTMAX-1', 63],
  ['SIGRTMAX', 64],
  ['RTMIN+30', 64],
])('signalNumber() knows %s', (text, number) => {
  expect(signalNumber(text)).toBe(number)
})

test.each(['', 'SIG', 'NOPE', '65', '-9', '9x', ' 9', 'RTMIN+31', 'RTMIN-1', 'RTMAX+1', 'SIG15', 'toString'])(
  'signalNumber() does not know `%s`',
  text => {
    expect(signalNumber(text)).toBeUndefined()
  },
)

test('signalName() and signalNumber() undo each other', () => {
  for (let number = 1; number <= 64; number++) {
    if (number === 32 || number === 33) continue // kept by the C library, without a name
    expect(signalNumber(signalName(number)), signalName(number)).toBe(number)
  }
  expect(signalName(32)).toBe('signal 32')
})
