// A container's life, and what each command says when it comes at the wrong time.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { create, createRunning, oci, stateOf, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isAlive } from '../../lib/machine.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

test('a container goes from created to running to stopped to gone', () => {
  const container = create(['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.05; done"], config => {
    config.annotations = { 'org.example.key': 'value' }
  })
  const created = container.state()
  expect(created).toMatchObject({
    id: container.id,
    status: 'created',
    bundle: container.bundle.directory,
    annotations: { 'org.example.key': 'value' },
  })
  expect(isAlive(created.pid!)).toBe(true)

  expect(container.start().status).toBe(0)
  expect(container.state()).toMatchObject({ status: 'running', pid: created.pid })

  expect(container.kill('TERM').status).toBe(0)
  const stopped = container.until('stopped')
  expect(stopped.pid ?? 0).toBe(0)
  expect(stopped.bundle).toBe(container.bundle.directory)

  expect(container.remove().status).toBe(0)
  expect(oci(['state', container.id]).status).not.toBe(0)
  expect(existsSync(join(stateRoot, container.id))).toBe(false)
})

test.skipIf(isCrun)('state tells the version of the configuration (crun: a fixed one)', () => {
  const container = create(['true'], config => {
    config.ociVersion = '1.0.1'
  })
  expect(container.state().ociVersion).toMatch(isTsrun ? /^1\.0\.1$/ : /^1\./)
})

test('the program does not run before start', () => {
  const container = create(['sh', '-c', 'echo ran > /ran'])
  const ran = join(container.bundle.rootfs, 'ran')
  expect(existsSync(ran)).toBe(false)
  expect(container.start().status).toBe(0)
  container.until('stopped')
  expect(readFileSync(ran, 'utf8')).toBe('ran\n')
})

test('a change of config.json after create has no effect', () => {
  const container = create(['sh', '-c', 'echo old; sleep 0.1'])
  container.bundle.config.process.args = ['echo', 'new']
  container.bundle.save()
  expect(container.start().status).toBe(0)
  container.until('stopped')
  expect(container.output()).toBe('old\n')
})

test('a relative bundle path is made absolute in the state', () => {
  const bundle = makeBundle()
  const id = fresh()
  const result = oci(['create', '--bundle', '.', id], { cwd: bundle.directory })
  try {
    expect(result).toMatchObject({ status: 0 })
    expect(stateOf(id).bundle).toBe(bundle.directory)
  } finally {
    oci(['delete', '--force', id])
  }
})

test.skipIf(isRunc)('a container without a process is created, and start says what is missing (runc: refused)', () => {
  const bundle = makeBundle(config => void delete (config as Partial<Config>).process)
  const { created, id } = tryCreate(bundle)
  if (!isCrun) expect(created).toMatchObject({ status: 0, stderr: '' })
  expectOneSentence(oci(['start', id]), /process|does not exist/)
})

test('start of a running container is an error', () => {
  const container = createRunning()
  expectOneSentence(container.start(), /running/)
})

test('start of a stopped container is an error', () => {
  const container = create(['true'])
  container.start()
  container.until('stopped')
  expectOneSentence(container.start(), /stopped|not running/)
})

test('delete of a running container is an error that names its state', () => {
  const container = createRunning()
  expectOneSentence(container.remove(), /running|not.*stopped/)
  expect(container.state().status).toBe('running')
})

test('delete of a created container works without force', () => {
  const container = create(['true'])
  const { pid } = container.state()
  expect(container.remove().status).toBe(0)
  expect(isAlive(pid!)).toBe(false)
})

test('delete --force ends a running container', () => {
  const container = createRunning(() => {}, "trap '' TERM; while :; do sleep 0.05; done")
  expect(container.remove('--force').status).toBe(0)
  expect(existsSync(join(stateRoot, container.id))).toBe(false)
})

test('delete --force of a missing container succeeds and says nothing', () => {
  expect(oci(['delete', '--force', 'never-was'])).toMatchObject({ status: 0, stdout: '', stderr: '' })
})

test.each([['start'], ['state'], ['kill'], ['delete']])(
  '%s of a missing container says that it does not exist',
  verb => {
    expectOneSentence(oci([verb, 'never-was']), /does not exist/)
  },
)

test('kill of a stopped container says that it is not running', () => {
  const container = create(['true'])
  container.start()
  container.until('stopped')
  expectOneSentence(container.kill('KILL'), /container not running|not running/)
})

test('kill ends a created container', () => {
  const container = create(['true'])
  expect(container.kill('KILL').status).toBe(0)
  container.until('stopped')
  expectOneSentence(container.start(), /stopped|not running/)
  expect(container.remove().status).toBe(0)
})

test.each([['TERM', 'TERM'], ['SIGUSR1', 'USR1'], ['1', 'HUP'], ...(isCrun ? [] : [['hup', 'HUP']])])(
  'kill takes the signal as %s',
  (word = '', trapped = '') => {
    const container = createRunning(
      () => {},
      `trap 'echo got ${trapped}; exit 0' ${trapped}; echo ready; while :; do sleep 0.05; done`,
    )
    container.until('running')
    while (!container.output().includes('ready'));
    expect(container.kill(word).status).toBe(0)
    container.until('stopped')
    expect(container.output()).toBe(`ready\ngot ${trapped}\n`)
  },
)

test.skipIf(isRunc)('kill takes real-time signals by name (runc: by number only)', () => {
  const container = createRunning(() => {}, "trap 'echo got it; exit 0' 36; echo ready; while :; do sleep 0.05; done")
  while (!container.output().includes('ready'));
  expect(container.kill('RTMIN+2').status).toBe(0)
  container.until('stopped')
  expect(container.output()).toBe('ready\ngot it\n')
})

test('kill without a signal sends TERM', () => {
  const container = createRunning(
    () => {},
    "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
  )
  while (!container.output().includes('ready'));
  expect(container.kill().status).toBe(0)
  container.until('stopped')
  expect(container.output()).toBe('ready\ngot TERM\n')
})

test.each([['NOSUCH'], ['999'], ['-1x']])('kill refuses the signal `%s`', word => {
  const container = createRunning()
  const result = container.kill(word)
  expect(result.status).not.toBe(0)
  expect(container.state().status).toBe('running')
})

test.skipIf(!isTsrun)('a signal that is nearly one is asked about', () => {
  const container = createRunning()
  expect(container.kill('TRM').stderr).toContain('unknown signal `TRM`: did you mean `TERM`?')
  expect(container.kill('sigkil').stderr).toContain('unknown signal `sigkil`: did you mean `SIGKILL`?')
})

test('a second create with the same id says that it exists, and harms nothing', () => {
  const container = createRunning()
  const second = tryCreate(makeBundle(), [], container.id)
  expectOneSentence(second.created, /exist/)
  expect(container.state().status).toBe('running')
})

test('an id is free again after delete', () => {
  const container = create(['true'])
  container.remove()
  expect(tryCreate(container.bundle, [], container.id).created.status).toBe(0)
})

test('the pid file holds the pid of init, and delete leaves it to the caller', () => {
  const bundle = makeBundle()
  const pidFile = join(bundle.directory, 'pid')
  const container = tryCreate(bundle, ['--pid-file', pidFile])
  expect(container.created).toMatchObject({ status: 0, stderr: '' })
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(container.state().pid))
  container.remove()
  expect(existsSync(pidFile)).toBe(true)
})

test('list shows containers with their states', () => {
  const running = createRunning()
  const created = create(['true'])
  const rows = JSON.parse(oci(['list', '--format', 'json']).stdout) as { id: string; status: string }[]
  const byId = new Map(rows.map(row => [row.id, row.status]))
  expect(byId.get(running.id)).toBe('running')
  expect(byId.get(created.id)).toBe('created')
  const ids = oci(['list', '-q']).stdout.trim().split('\n')
  expect(ids.sort()).toEqual([running.id, created.id].sort())
  expect(oci(['list']).stdout).toMatch(/^(ID|NAME)\s+PID\s+STATUS/)
})

test('a reused pid is not taken for the container', () => {
  const container = create(['true'])
  container.kill('KILL')
  container.until('stopped')
  expect(container.state().status).toBe('stopped')
  writeFileSync(join(container.bundle.directory, 'config.json'), '{}')
  expect(container.remove().status).toBe(0)
})
