import { expect, test } from 'vitest'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import type { ExecutorRecord, Recording } from './recorder.ts'
import { inWordsOfRunc } from './runcWords.ts'

function recording(names: readonly string[], executors: readonly ExecutorRecord[] = []): Recording {
  const phases = names.map((name, i) => ({ name, phrase: undefined, start: i * 10, end: i * 10 + 5, error: undefined }))
  return { title: 'tsrun', end: 100, error: undefined, phases, calls: [], executors }
}

test('the moments of create, in order, with the flags of the filter', () => {
  const call = (name: string, args: MadeCall['call']['args'], start: number): MadeCall => {
    return { call: { name, args }, phrase: undefined, start, end: start + 1, result: 0 }
  }
  const calls = [call('seccomp', [1, 41], 15), call('seccomp', [2, 0], 15), call('execve', ['/x'], 17)]
  const seen = recording(
    ['namespaces', 'first process', 'tail', 'state'],
    [{ batches: [], chains: [{ name: 'tail', calls }] }],
  )
  expect(inWordsOfRunc(seen).map(({ at, line }) => `${at} ${line}`)).toEqual([
    '0 level=debug msg="nsexec container setup"',
    '10 level=debug msg="child process in init()"',
    '15 level=debug msg="seccomp filter flags: 40"',
    '20 level=debug msg="init: closing the pipe to signal completion"',
  ])
})

test('those of exec', () => {
  expect(inWordsOfRunc(recording(['enter the container', 'tail'])).map(({ line }) => line)).toEqual([
    'level=debug msg="nsexec container setup"',
    'level=debug msg="child process in init()"',
    'level=debug msg="setns_init: about to exec"',
  ])
})

test('nothing of other commands', () => {
  expect(inWordsOfRunc(recording(['remove']))).toEqual([])
})
