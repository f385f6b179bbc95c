import { expect, test } from 'vitest'
import { EEXIST, ENOENT } from '../../../native/abi/errno.ts'
import { currentPhrase, doing, type Phrase } from '../../../native/failure.ts'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import type { Recording } from './recorder.ts'
import { timeline } from './timeline.ts'

const phraseOf = (text: string): Phrase => doing(text, currentPhrase)!
const command = phraseOf('run `web`')
const proc: Phrase = { text: 'mount `/proc`', outer: command }

/** A call; times in microseconds. */
function call(name: string, start: number, end: number, phrase: Phrase, result = 0, tolerate?: [number]): MadeCall {
  return { call: { name, args: ['/x'], tolerate }, phrase, start: start * 1000, end: end * 1000, result }
}

const batch = {
  start: 300_000,
  end: 380_000,
  awaited: 305_000,
  phrase: command,
  left: 0,
  error: undefined,
  calls: [
    call('umask', 310, 311, command),
    call('fsopen', 320, 330, proc),
    call('mkdirat', 330, 331, proc, -EEXIST, [EEXIST]),
    call('move_mount', 340, 350, proc),
  ],
}

const recording: Recording = {
  title: 'tsrun run web',
  end: 1_000_000,
  error: undefined,
  phases: [
    { name: 'plan', phrase: command, start: 100_000, end: 200_000, error: undefined },
    { name: 'mounts', phrase: command, start: 250_000, end: 400_000, error: undefined },
    { name: 'remove', phrase: command, start: 500_000, end: 600_000, error: new Error('it broke') },
  ],
  calls: [
    call('sendto', 301, 305, command),
    call('read', 305, 379, command),
    call('unlinkat', 510, 511, command, -ENOENT, [ENOENT]),
    call('unlinkat', 512, 513, command, -ENOENT, [ENOENT]),
    call('rmdir', 514, 515, command, -ENOENT),
  ],
  executors: [{ batches: [batch], chains: [{ name: 'tail', calls: [call('execve', 700, 710, command)] }] }],
}

test('a timeline shows phases, what executors did in them, and failures, but no call that went well', () => {
  expect(timeline(recording)).toEqual([
    '    at ms       ms  calls  trips',
    '    0.000    1.000      8      1  tsrun run web',
    '    0.100    0.500      8      1    run `web`',
    '    0.100    0.100      0      0      plan',
    '    0.250    0.150      5      1      mounts',
    '    0.305    0.075      4      1        round trip: 4 calls',
    '    0.320    0.030      3      0          mount `/proc`',
    '                                            tolerated: mkdirat("/x") = -1 EEXIST',
    '    0.500    0.100      3      0      remove, FAILED',
    '                                        tolerated: unlinkat(...) = -1 ENOENT, 2 times',
    '                                        failed: rmdir("/x") = -1 ENOENT',
    'made by executors without the planner:',
    '    0.700    0.010      1      0  tail: execve',
  ])
})
