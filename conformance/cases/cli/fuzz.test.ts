// A few seconds of the fuzzer, to know that it works; `npm run proof fuzz` for more.

import { expect, test } from 'vitest'
import { isRoot } from '../../lib/machine.ts'
import { repository } from '../../lib/repository.ts'
import { run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'

/** The same configurations each time: what others find is for longer runs. */
const SEED = '1'

const fuzz = (...words: string[]) => {
  const command = [
    'node_modules/.bin/tsx',
    'conformance/fuzz/main.ts',
    '--subject',
    runtime.path,
    '--minutes',
    '0.2',
    '--seed',
    SEED,
    ...words,
  ]
  return run(command, { cwd: repository, timeout: 110_000 })
}

const it = test.skipIf(!isTsrun || !isRoot)

it('wrong configurations are refused in one sentence, and leave nothing behind', () => {
  const { status, stdout } = fuzz('--invalid')
  expect(stdout).toMatch(/\d+ texts, \d+ refused, \d+ containers, 0 badly taken/)
  expect(status).toBe(0)
})

// The crun and runc of Debian 12 are too old to agree with: they lack much of what is drawn. So only tsrun runs.
it('valid configurations run', () => {
  const { status, stdout } = fuzz('--peer', runtime.path)
  const [, tried, ran] = /(\d+) configurations, (\d+) ran, 0 differences/.exec(stdout) ?? []
  expect(Number(ran)).toBeGreaterThan(Number(tried) / 4)
  expect(status).toBe(0)
})
