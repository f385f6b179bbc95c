import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isRoot } from '../lib/machine.ts'
import { eventually } from '../lib/run.ts'
import { isolated } from './isolate.ts'

const directory = mkdtempSync(join(tmpdir(), 'isolate-'))
afterAll(() => rmSync(directory, { recursive: true }))

const shell = (script: string, seconds = 20) =>
  isolated(['sh', '-c', script], { cwd: directory, env: process.env, seconds, file: join(directory, 'processes') })

const it = test.skipIf(!isRoot)

it('both streams and the exit code are passed on', async () => {
  const { output, ...rest } = await shell('echo out; echo err >&2; exit 7')
  expect(output.split('\n').sort()).toEqual(['', 'err', 'out'])
  expect(rest).toEqual({ status: 7, hung: false, processes: [] })
})

it('a process that stays is told, and ended', async () => {
  const { status, processes } = await shell('setsid sleep 4242 > /dev/null 2>&1 &')
  expect(status).toBe(0)
  expect(processes).toEqual(['sleep 4242'])
  eventually('it to be gone', () => spawnSync('pgrep', ['-f', '^sleep 4242$']).status === 1)
})

it('what hangs is ended with everything that it started', async () => {
  const { status, hung } = await shell('setsid sleep 4243 & sleep 4243', 1)
  expect({ status, hung }).toEqual({ status: null, hung: true })
  eventually('all to be gone', () => spawnSync('pgrep', ['-f', '^sleep 4243$']).status === 1)
})
