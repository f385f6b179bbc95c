// The library: containers from a Node.js program.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { createRunning, oci, removeLater } from '../../lib/container.ts'
import { configFor, library, libraryPath, openLibrary, rejection, rootfs, shell } from '../../lib/library.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const runtime = openLibrary()
const id = () => removeLater(fresh())

it('run() resolves to the exit code and what was written', async () => {
  const result = await runtime.run({ id: id(), config: shell('echo out; echo err >&2; exit 3') })
  expect(result).toEqual({ code: 3, signal: null, oom: false, stdout: 'out\n', stderr: 'err\n' })
})

it('run() takes a bundle and tells the signal that ended the program', async () => {
  const { directory } = makeBundle(config => {
    config.process.args = ['sh', '-c', 'kill -KILL $$; sleep 10']
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
  })
  expect(await runtime.run({ id: id(), bundle: directory })).toMatchObject({ code: null, signal: 'SIGKILL' })
})

it('run() copies a stream to the program, and what the program writes to a stream', async () => {
  const stdout = new PassThrough()
  const collected: Buffer[] = []
  stdout.on('data', (piece: Buffer) => collected.push(piece))
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`)
  await runtime.run({ id: id(), config: configFor('cat'), stdin: Readable.from(lines), stdout })
  expect(Buffer.concat(collected).toString()).toBe(lines.join(''))
  expect(stdout.writableEnded).toBe(false)
})

it('a stream that takes no more does not hold up the program', async () => {
  const stdout = new PassThrough()
  stdout.destroy()
  const config = shell('head -c 1000000 /dev/zero; exit 4')
  expect(await runtime.run({ id: id(), config, stdout })).toMatchObject({ code: 4 })
  const endless = new PassThrough() // nobody writes to it, nobody ends it
  expect(await runtime.run({ id: id(), config: shell('exit 5'), stdin: endless })).toMatchObject({ code: 5 })
  expect(await rejection(runtime.run({ config: shell('true'), stdout: 'elsewhere' as never }))).toBeInstanceOf(
    library.UsageError,
  )
})

it('run() is over with the program, whoever else of the container holds its streams', async () => {
  const result = await runtime.run({ id: id(), config: shell('sleep 60 & echo done') })
  expect(result).toMatchObject({ code: 0, stdout: 'done\n' })
})

it('run() ends a program that writes more than is to be collected', async () => {
  const failure = await rejection(runtime.run({ id: id(), config: configFor('yes'), maxOutput: 10_000 }))
  expect(failure).toBeInstanceOf(library.Failure)
  expect(`${failure}`).toContain('more than 10000 bytes')
})

it('a container is created, started, waited for and removed', async () => {
  await using container = await runtime.create({
    id: id(),
    config: shell('read word; echo "got $word"'),
    stdin: 'pipe',
  })
  expect(await container.state()).toMatchObject({ id: container.id, status: 'created' })
  await container.start()
  expect(await container.state()).toMatchObject({ status: 'running' })
  expect((await runtime.list()).map(({ id }) => id)).toContain(container.id)
  const output = text(container.stdout!)
  container.stdin!.end('hello\n')
  expect(await container.wait()).toEqual({ code: 0, signal: null, oom: false })
  expect(await container.wait()).toEqual({ code: 0, signal: null, oom: false })
  expect(await output).toBe('got hello\n')
  await container.delete()
  expect(await rejection(container.state())).toBeInstanceOf(library.StateError)
})

it('the program can open /dev/stdout, which is a pipe', async () => {
  expect(await runtime.run({ id: id(), config: shell('echo hi > /dev/stdout') })).toMatchObject({ stdout: 'hi\n' })
})

it("'ignore' is /dev/null, and the default for stdin", async () => {
  const config = shell('readlink /proc/1/fd/0 >&2; link=$(readlink /proc/1/fd/1); echo "$link" >&2')
  const { stdout, stderr } = await runtime.run({ id: id(), config, stdout: 'ignore' })
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '/dev/null\n/dev/null\n' })
})

it('exec() runs another program, with its own streams, user and environment', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const program = await container.exec(['sh', '-c', 'cat; echo "$(id -u) $WORD"; exit 7'], {
    stdin: 'pipe',
    uid: 1000,
    env: ['WORD=hello'],
  })
  program.stdin!.end('from outside\n')
  expect(await program.output()).toEqual({
    code: 7,
    signal: null,
    oom: false,
    stdout: 'from outside\n1000 hello\n',
    stderr: '',
  })
  const sleeper = await container.exec(['sleep', '60'])
  expect(await container.pids()).toContain(sleeper.pid)
  sleeper.kill('SIGTERM')
  expect(await sleeper.wait()).toMatchObject({ code: null, signal: 'SIGTERM' })
  expect(() => sleeper.kill()).toThrow(library.StateError)
})

it('exec() refuses an id that would mean "no change"', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  for (const uid of [-1, 0xffff_ffff, Number.NaN])
    expect(await rejection(container.exec(['true'], { uid }))).toBeInstanceOf(library.UsageError)
  expect(await rejection(container.exec([]))).toBeInstanceOf(library.UsageError)
})

it('programs that nobody waits for do not stay as zombies', async () => {
  const zombies = () => spawnSync('ps', ['-o', 'pid=,stat=', '--ppid', `${process.pid}`], { encoding: 'utf8' }).stdout
  const before = zombies().match(/Z/g)?.length ?? 0
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  for (let i = 0; i < 5; i += 1) await container.exec(['true'])
  await container.delete({ force: true })
  expect(zombies().match(/Z/g)?.length ?? 0).toBe(before)
})

it('an aborted exec is killed and rejected with the reason', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const abort = new AbortController()
  const program = await container.exec(['sleep', '60'], { signal: abort.signal })
  const waiting = rejection(program.wait())
  abort.abort('enough')
  expect(await waiting).toBe('enough')
  expect(await container.pids()).not.toContain(program.pid)
  expect(await rejection(container.exec(['true'], { signal: abort.signal }))).toBe('enough')
})

it('kill() sends a signal, to all with `all`', async () => {
  await using container = await runtime.create({
    id: id(),
    config: shell("trap 'exit 9' USR1; while :; do sleep 0.05; done"),
  })
  await container.start()
  await new Promise(resolve => setTimeout(resolve, 200)) // until the trap is set
  await container.kill('SIGUSR1')
  expect(await container.wait()).toMatchObject({ code: 9 })
  expect(await rejection(container.kill())).toBeInstanceOf(library.StateError)
  expect(await rejection(container.kill('SIGNONE' as never))).toBeInstanceOf(library.UsageError)
})

it('pause() and resume() show as events, and the exit is the last one', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const seen: string[] = []
  const watching = (async () => {
    for await (const event of container.events()) {
      seen.push(event.type)
      if (event.type === 'paused') await container.resume()
      if (event.type === 'resumed') await container.kill('SIGKILL')
    }
  })()
  await container.pause()
  await watching
  expect(seen).toEqual(['paused', 'resumed', 'exit'])
})

it('a wait, and events, can be given up; the container stays', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  expect(await rejection(container.wait({ signal: AbortSignal.timeout(50) }))).toMatchObject({ name: 'TimeoutError' })
  const events = container.events({ interval: 20, signal: AbortSignal.timeout(200) })
  expect((await events.next()).value).toMatchObject({ type: 'stats' })
  const rest = (async () => {
    for await (const _ of events);
  })()
  expect(await rejection(rest)).toMatchObject({ name: 'TimeoutError' })
  expect(await container.state()).toMatchObject({ status: 'running' })
})

it('update() tells what would change', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  expect(await container.update({}, { dryRun: true })).toEqual([])
  expect(await rejection(container.update({ pids: { limit: 'many' } } as never))).toBeInstanceOf(library.ConfigError)
})

it('a container of the command is found by its id', async () => {
  const { id } = createRunning()
  const container = runtime.container(id)
  expect(container.stdout).toBeNull()
  const waiting = container.wait()
  await container.kill('SIGTERM')
  const { code, signal } = await waiting
  expect([0, null]).toContain(code) // init may have taken the code before this kernel can tell it
  expect(signal).toBeNull()
  await container.delete({ force: true })
})

it('a container of the library is one of the command', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  expect(oci(['start', container.id]).status).toBe(0)
  expect(oci(['kill', container.id, 'KILL']).status).toBe(0)
  expect(await container.wait()).toMatchObject({ code: null, signal: 'SIGKILL' })
})

it('an aborted run is killed, removed and rejected with the reason', async () => {
  const name = id()
  const run = runtime.run({ id: name, config: shell('sleep 60'), signal: AbortSignal.timeout(300) })
  expect(await rejection(run)).toMatchObject({ name: 'TimeoutError' })
  expect((await runtime.list()).map(({ id }) => id)).not.toContain(name)
})

it('a signal can be aborted at any moment', async () => {
  expect(await rejection(runtime.create({ id: id(), config: shell('true'), signal: AbortSignal.abort('no') }))).toBe(
    'no',
  )
  for (let ms = 0; ms < 60; ms += 6) {
    const abort = new AbortController()
    const run = rejection(runtime.run({ id: id(), config: shell('sleep 60'), signal: abort.signal }))
    await new Promise(resolve => setTimeout(resolve, ms))
    abort.abort(`after ${ms} ms`)
    expect(await run).toMatchObject({ name: 'AbortError', cause: `after ${ms} ms` })
  }
  expect(await runtime.list()).toEqual([])
})

it('starts that hang are ended by their signals, however many', async () => {
  const config = shell('true')
  config.hooks = { startContainer: [{ path: '/bin/sleep', args: ['sleep', '60'] }] }
  const started = Date.now()
  const runs = Array.from({ length: 6 }, () =>
    rejection(runtime.run({ id: id(), config, signal: AbortSignal.timeout(1000) })),
  )
  for (const error of await Promise.all(runs)) expect(error).toMatchObject({ name: 'TimeoutError' })
  expect(Date.now() - started).toBeLessThan(20_000)
})

it('errors are of their classes, with all that they have', async () => {
  const wrong = shell('true')
  wrong.linux.namespaces!.push({ type: 'nothing' as never })
  const error = (await rejection(runtime.run({ id: 'x', config: wrong }))) as InstanceType<typeof library.ConfigError>
  expect(error).toBeInstanceOf(library.ConfigError)
  expect(error).toBeInstanceOf(library.Failure)
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ kind: 'config', name: 'ConfigError' })
  expect(error.pointer).toMatch(/^\/linux\/namespaces/)
  expect(error.message).toContain('create `x`')
  expect(await rejection(runtime.create({ bundle: '/nowhere' }))).toBeInstanceOf(library.Failure)
  expect(await rejection(runtime.create({ id: '../x', config: shell('true') }))).toBeInstanceOf(library.UsageError)
  await using container = await runtime.create({ id: id(), config: shell('true') })
  const again = await rejection(runtime.create({ id: container.id, config: shell('true') }))
  expect(again).toBeInstanceOf(library.StateError)
  const missing = await rejection(runtime.container('missing').start())
  expect(missing).toBeInstanceOf(library.StateError)
})

it('numbers of 64 bits in a configuration keep their digits', async () => {
  const config = shell('ulimit -H -f')
  config.process.rlimits = [{ type: 'RLIMIT_FSIZE', soft: 1024n * 4096n, hard: 0xffff_ffff_ffff_ffffn }]
  expect(await runtime.run({ id: id(), config })).toMatchObject({ stdout: 'unlimited\n' })
})

it('a hook that takes its time does not hold up the event loop', async () => {
  const config = shell('true')
  config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '1'] }] }
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
  }, 10)
  await runtime.run({ id: id(), config })
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(50)
})

it('a program of the host ends when it wants to, whatever it waits for', async () => {
  const script = (last: string) => `
    import { Runtime, defaultConfig } from ${JSON.stringify(libraryPath)}
    const runtime = new Runtime({ root: ${JSON.stringify(stateRoot)} })
    const config = defaultConfig(${JSON.stringify(rootfs)}, ['sleep', '60'])
    const container = await runtime.create({ id: process.argv[2], config, stdout: 'ignore', stderr: 'ignore' })
    await container.start()
    ${last}`
  const ends = { exit: 'container.wait(); setTimeout(() => process.exit(5), 100)', nothing: '' }
  for (const [name, last] of Object.entries(ends)) {
    const file = join(sceneDirectory, `${name}.mjs`)
    writeFileSync(file, script(last))
    later(() => rmSync(file))
    const container = id()
    const { status, stderr } = spawnSync(process.execPath, [file, container], { timeout: 10_000, encoding: 'utf8' })
    expect({ name, status, stderr }).toEqual({ name, status: last === '' ? 0 : 5, stderr: '' })
    expect(existsSync(join(stateRoot, container))).toBe(true)
    expect(await runtime.container(container).state()).toMatchObject({ status: 'running' })
    await runtime.container(container).delete({ force: true })
  }
})

it('what nobody reads is closed with the container', async () => {
  const container = await runtime.create({ id: id(), config: shell('echo hi'), stdin: 'pipe' })
  await container.start()
  await container.wait()
  await container[Symbol.asyncDispose]()
  await container[Symbol.asyncDispose]()
  if (!container.stdout!.closed) await once(container.stdout!, 'close')
  expect(container.stdin!.destroyed).toBe(true)
})
