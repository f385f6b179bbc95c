// What goes wrong in the library, as a program of Node.js gets to see it.

import { expect, test } from 'vitest'
import { removeLater } from '../../lib/container.ts'
import { configFor, library, openLibrary, rejection, rootfs, shell } from '../../lib/library.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const runtime = openLibrary()
const id = () => removeLater(fresh())

it('output is text, or bytes', async () => {
  const config = shell(String.raw`printf '\377\000a'; printf 'e' >&2`)
  const { stdout, stderr } = await runtime.run({ id: id(), config, encoding: 'buffer' })
  expect([stdout, stderr]).toEqual([Buffer.from([0xff, 0, 0x61]), Buffer.from('e')])
  expect(await runtime.run({ id: id(), config })).toMatchObject({ stdout: '\ufffd\0a', stderr: 'e' })
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const program = await container.exec(['printf', String.raw`\377`])
  expect((await program.output({ encoding: 'buffer' })).stdout).toEqual(Buffer.from([0xff]))
})

it('a timeout has what was written until then', async () => {
  const config = shell('echo begun; echo oops >&2; sleep 60')
  const error = await rejection(runtime.run({ id: id(), config, signal: AbortSignal.timeout(700) }))
  expect(error).toBeInstanceOf(library.TimeoutError)
  expect(error).toBeInstanceOf(library.Failure)
  expect(error).toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT', stdout: 'begun\n', stderr: 'oops\n' })
  expect(error).toMatchObject({ cause: { name: 'TimeoutError' } })
})

it('an abort has what was written until then, as bytes where these are wanted', async () => {
  const abort = new AbortController()
  const running = rejection(
    runtime.run({ id: id(), config: shell('echo begun; sleep 60'), signal: abort.signal, encoding: 'buffer' }),
  )
  await new Promise(resolve => setTimeout(resolve, 700))
  abort.abort('enough')
  expect(await running).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', stdout: Buffer.from('begun\n') })
  const early = await rejection(runtime.run({ id: id(), config: shell('true'), signal: abort.signal }))
  expect(early).toMatchObject({ name: 'AbortError', cause: 'enough', stdout: '', stderr: '' })
})

it('an aborted exec has what was written, also when others hold its streams open', async () => {
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const signal = AbortSignal.timeout(700)
  const program = await container.exec(['sh', '-c', 'sleep 30 & echo begun; wait'], { signal })
  expect(await rejection(program.output())).toMatchObject({ name: 'TimeoutError', stdout: 'begun\n' })
})

it('a program that writes too much has its first bytes in the error', async () => {
  const error = await rejection(runtime.run({ id: id(), config: configFor('yes'), maxOutput: 5 }))
  expect(error).toMatchObject({ name: 'MaxOutputError', code: 'ERR_TSRUN_MAX_OUTPUT', stdout: 'y\ny\ny', stderr: '' })
})

it('a command that is not there is ENOENT, one that may not be executed EACCES', async () => {
  const missing = await rejection(runtime.run({ id: id(), config: configFor('no-such-program') }))
  expect(missing).toMatchObject({ name: 'Failure', code: 'ENOENT' })
  expect(await rejection(runtime.run({ id: id(), config: configFor('/etc') }))).toMatchObject({ code: 'EACCES' })
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  expect(await rejection(container.exec(['no-such-program']))).toMatchObject({ name: 'Failure', code: 'ENOENT' })
  expect(await rejection(container.exec(['/etc']))).toMatchObject({ code: 'EACCES' })
})

it('the stack is that of the caller', async () => {
  async function asksForIt() {
    await runtime.create({ bundle: '/nowhere' })
  }
  const error = (await rejection(asksForIt())) as Error
  expect(error.stack).toContain('asksForIt')
  expect(error.stack).toContain('libraryErrors.test.ts')
  expect(error.stack!.split('\n')[0]).toBe(`ConfigError: ${error.message}`)
  expect((error.cause as Error).stack).not.toContain('libraryErrors.test.ts')
  async function later() {
    await runtime.run({ id: id(), config: shell('true'), args: ['no-such-program'] })
  }
  expect(((await rejection(later())) as Error).stack).toContain('later')
})

it('mistakes of plain JavaScript are told', async () => {
  const wrong: [Promise<unknown>, string][] = [
    [runtime.run({ maxOuput: 5 } as never), 'run: there is no option `maxOuput`; did you mean `maxOutput`?'],
    [runtime.create({ id: 7 } as never), 'create: id: must be a string, is 7'],
    [runtime.container('x').exec('ls -l' as never), 'exec: the command: must be an array of strings, is `ls -l`'],
    [
      runtime.container('x').delete({ froce: true } as never),
      'delete: there is no option `froce`; did you mean `force`?',
    ],
    [runtime.container('x').exec(['true'], { user: 5 } as never), 'exec: there is no option `user`'],
    [runtime.restore({} as never), 'restore: imagePath: must be a string, is undefined'],
  ]
  for (const [promise, words] of wrong) {
    const error = (await rejection(promise)) as Error
    expect(error).toBeInstanceOf(library.UsageError)
    expect(error.message).toContain(words)
  }
  expect(() => new library.Runtime({ rooot: '/' } as never)).toThrow('did you mean `root`?')
  expect(() => library.defaultConfig(rootfs, 'ls' as never)).toThrow('defaultConfig: args: must be an array of strings')
})

it('arguments, environment and directory can be those of the call, also with a bundle', async () => {
  const env = { WORD: 'hello', GONE: undefined }
  const args = ['sh', '-c', 'echo "$WORD $GONE. $PWD"']
  const config = shell('false')
  expect(await runtime.run({ id: id(), config, args, env, cwd: '/tmp' })).toMatchObject({ stdout: 'hello . /tmp\n' })
  expect(await runtime.run({ id: id(), config, args, env: ['WORD=list'] })).toMatchObject({ stdout: 'list . /\n' })
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const program = await container.exec(['sh', '-c', 'echo $WORD'], { env: { WORD: 'object' } })
  expect(await program.output()).toMatchObject({ stdout: 'object\n' })
})

it('validate() finds what is wrong, and inspect() what there is', async () => {
  const config = shell('true')
  config.process.cwd = 'relative'
  config.linux.namespaces!.push({ type: 'nothing' as never })
  const findings = await runtime.validate({ config })
  expect(findings.filter(({ severity }) => severity === 'error').length).toBeGreaterThan(1)
  expect((await runtime.validate({ config: shell('true') })).filter(({ severity }) => severity === 'error')).toEqual([])
  await using container = await runtime.create({ id: id(), config: shell('sleep 60') })
  await container.start()
  const inspection = await container.inspect()
  expect(inspection).toMatchObject({ id: container.id, status: 'running', process: { noNewPrivileges: true } })
  expect((await container.drift()).drift).toEqual([])
  expect(await rejection(runtime.container('missing').inspect())).toBeInstanceOf(library.StateError)
})
