// Terminals and checkpoints of the library.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeLater } from '../../lib/container.ts'
import { whyNot } from '../../lib/criu.ts'
import { configFor, library, openLibrary, rejection, shell } from '../../lib/library.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const runtime = openLibrary()
const id = () => removeLater(fresh())

/** Reads until the words have come. */
async function until(stream: Readable, words: string): Promise<string> {
  let text = ''
  return await new Promise(resolve => {
    const read = (piece: Buffer) => {
      text += piece
      if (!text.includes(words)) return
      stream.off('data', read)
      resolve(text)
    }
    stream.on('data', read)
  })
}

it('run() on a terminal collects what the program writes there', async () => {
  const terminal = { columns: 101, rows: 37 }
  const result = await runtime.run({ id: id(), config: shell('tty; stty size; test -t 2 && echo err >&2'), terminal })
  expect(result).toMatchObject({ code: 0, stdout: '/dev/pts/0\r\n37 101\r\nerr\r\n', stderr: '' })
})

it('a stream is typed, with its end', async () => {
  const output = new PassThrough()
  const written = until(output, 'bye')
  const config = shell('stty -echo; echo ready; cat; echo bye')
  const result = await runtime.run({
    id: id(),
    config,
    terminal: true,
    stdin: Readable.from(['one\n', 'two']),
    stdout: output,
  })
  expect(result).toMatchObject({ code: 0, stdout: '' })
  expect(await written).toMatch(/ready.*two.*bye/s)
})

it('the terminal of a container is a stream with a size', async () => {
  const config = shell("trap 'stty size' WINCH; stty -echo; echo ready; while read word; do echo got $word; done")
  await using container = await runtime.create({ id: id(), config, terminal: true })
  expect([container.stdin, container.stdout, container.stderr]).toEqual([null, null, null])
  const terminal = container.terminal!
  const ready = until(terminal, 'ready')
  await container.start()
  await ready
  const got = until(terminal, 'got it')
  terminal.write('it\n')
  await got
  const size = until(terminal, '50 132')
  terminal.resize({ columns: 132, rows: 50 })
  terminal.write('\n')
  await size
  terminal.end('\x04')
  expect(await container.wait()).toMatchObject({ code: 0 })
  terminal.resize({ columns: 1, rows: 1 })
})

it('exec() with a terminal', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const program = await container.exec(['sh', '-c', 'tty; stty size'], { terminal: { columns: 90, rows: 20 } })
  expect(await program.output()).toMatchObject({ code: 0, stdout: '/dev/pts/0\r\n20 90\r\n' })
  const wrong = container.exec(['true'], { terminal: true, stderr: 'pipe' })
  expect(await rejection(wrong)).toBeInstanceOf(library.UsageError)
})

it('a terminal that is there no more is the end of it, and descriptors do not stay', async () => {
  /** But for those of event loops: threads of the library come and go as there is work. */
  const count = () => {
    const { stdout } = spawnSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' })
    return stdout.split('\n').filter(line => !/pipe:|\[event(fd|poll)\]/.test(line)).length
  }
  await runtime.run({ id: id(), config: shell('true'), terminal: true })
  const before = count()
  /** Streams close their descriptors, and a thread of the library its own, a little later than all is said. */
  const more = async () => {
    let now = count()
    for (let tries = 0; tries < 100 && now > before + 1; tries += 1) {
      await setTimeout(20)
      now = count()
    }
    return now - before
  }
  for (let i = 0; i < 5; i += 1) await runtime.run({ id: id(), config: shell('true'), terminal: true })
  expect(await more()).toBeLessThanOrEqual(1)
  expect(
    await rejection(runtime.run({ id: id(), config: configFor('no-such-program'), terminal: true })),
  ).toMatchObject({
    code: 'ENOENT',
  })
  expect(await more()).toBeLessThanOrEqual(1)
})

test.skipIf(!isTsrun || whyNot !== undefined)('a checkpoint goes on in another container', async () => {
  const imagePath = mkdtempSync(join(tmpdir(), 'checkpoint-'))
  later(() => rmSync(imagePath, { recursive: true }))
  const config = shell('i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done')
  const container = await runtime.create({ id: id(), config })
  await container.start()
  await until(container.stdout!, '5\n')
  await container.checkpoint({ imagePath })
  expect(await rejection(container.state())).toBeInstanceOf(library.StateError)
  await container[Symbol.asyncDispose]()
  await using restored = await runtime.restore({ id: id(), config, imagePath })
  expect(await restored.state()).toMatchObject({ status: 'running' })
  const text = await until(restored.stdout!, '0\n')
  expect(Number(text.split('\n')[0])).toBeGreaterThan(4)
  await restored.kill('SIGKILL')
  expect(await restored.wait()).toMatchObject({ signal: 'SIGKILL' })
})

it('a checkpoint that can not be made or restored is told', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  const imagePath = mkdtempSync(join(tmpdir(), 'checkpoint-'))
  later(() => rmSync(imagePath, { recursive: true }))
  expect(await rejection(container.checkpoint({ imagePath }))).toBeInstanceOf(library.StateError)
  writeFileSync(join(imagePath, 'note'), 'nothing')
  const restoring = runtime.restore({ id: id(), config: shell('true'), imagePath })
  expect(await rejection(restoring)).toBeInstanceOf(library.Failure)
  expect(readFileSync(join(imagePath, 'note'), 'utf8')).toBe('nothing')
})
