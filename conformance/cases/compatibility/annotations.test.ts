// Annotations of crun's that change what is done, and --pidfd-socket, which one of them stands for.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Hook } from '../../lib/config.ts'
import {
  command,
  createRunning,
  oci,
  removeLater,
  runArgs,
  runBundle,
  runScript,
  tryCreate,
} from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { PIDFD_RECEIVER, python } from '../../lib/pidfd.ts'
import { launch, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { allowingAllBut, compileProbe, linesOf, numberOf, PROBE, startAgent, withProfile } from '../../lib/seccomp.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** The number of seccomp(2). */
const SECCOMP = numberOf('seccomp')
const GETPPID = numberOf('getppid')
const probing = !isRunc && isRoot && have('cc')
beforeAll(() => void (probing && compileProbe()))

async function startReceiver(): Promise<{ socket: string; said: () => Promise<string> }> {
  const socket = join(makeDirectory(), 'pidfd')
  const receiver = launch(['python3', '-c', PIDFD_RECEIVER, socket])
  await receiver.speaks
  return { socket, said: async () => (await receiver.done).stdout.trim() }
}

test.skipIf(isCrun || !python)('create --pidfd-socket sends the pidfd of the first process', async () => {
  const { socket, said } = await startReceiver()
  const container = tryCreate(makeBundle(), ['--pidfd-socket', socket])
  expect(container.created).toMatchObject({ status: 0, stderr: '' })
  const { pid } = JSON.parse(oci(['state', container.id]).stdout) as { pid: number }
  const [, line] = (await said()).split('\n')
  expect(line).toMatch(/^standard \d+$/)
  if (pid !== 0) expect(line).toBe(`standard ${pid}`) // unless it was killed before we asked
  container.until('stopped')
})

test.skipIf(!isTsrun || !python)('run sends it too, and the annotation asks for the same', async () => {
  const { socket, said } = await startReceiver()
  const bundle = makeBundle(config => {
    config.process.args = ['sleep', '1000']
    config.annotations = { 'run.oci.pidfd_receiver': socket }
  })
  expect(runBundle(bundle).status).toBe(137)
  expect(await said()).toMatch(/^ready\nstandard \d+$/)
})

test.skipIf(isCrun)('without a listener nothing is made', () => {
  const id = removeLater(fresh())
  const socket = join(makeDirectory(), 'pidfd')
  const result = oci(['create', '--bundle', makeBundle().directory, '--pidfd-socket', socket, id])
  expect(result.status).toBe(1)
  if (isTsrun) expectOneSentence(result, /--pidfd-socket: .*ENOENT/)
})

test.skipIf(isRunc)('run.oci.keep_original_groups keeps the groups of the caller', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['id', '-G']
    config.process.user.additionalGids = [77]
    config.annotations = { 'run.oci.keep_original_groups': '1' }
  })
  const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
  const { stdout } = run(['setpriv', '--groups', '4711,4712', ...words])
  expect(stdout.trim().split(' ')).toEqual(['0', '4711', '4712'])
})

test.skipIf(isRunc)('hooks print into the files that annotations name', () => {
  const directory = makeDirectory()
  const said = (word: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', `echo ${word}; echo bad ${word} >&2`] })
  const bundle = makeBundle(config => {
    config.process.args = ['true']
    config.annotations = { 'run.oci.hooks.stdout': `${directory}/out`, 'run.oci.hooks.stderr': `${directory}/err` }
    config.hooks = Object.fromEntries(
      ['createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'].map(kind => [kind, [said(kind)]]),
    )
  })
  expect(runBundle(bundle)).toMatchObject({ status: 0, stdout: '', stderr: '' })
  const words = (name: string) => readFileSync(`${directory}/${name}`, 'utf8').trim().split('\n').sort()
  const kinds = ['createContainer', 'createRuntime', 'poststart', 'poststop', 'startContainer']
  expect(words('out')).toEqual(kinds)
  expect(words('err')).toEqual(kinds.map(kind => `bad ${kind}`))
})

test.skipIf(isRunc)('without hooks these files are not made', () => {
  const file = join(makeDirectory(), 'out')
  const bundle = makeBundle(config => {
    config.process.args = ['true']
    config.annotations = { 'run.oci.hooks.stdout': file, 'run.oci.hooks.stderr': file }
  })
  expect(runBundle(bundle)).toMatchObject({ status: 0, stderr: '' })
  expect(existsSync(file)).toBe(false)
})

test.skipIf(!probing || isCrun)('run.oci.seccomp.receiver is the agent of a profile that names none', async () => {
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket, { [GETPPID]: 95 })
  const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_NOTIFY' })
  const receiver = withProfile(profile, config => {
    config.annotations = { 'run.oci.seccomp.receiver': socket }
  })
  expect(runArgs([PROBE, 'call', `${GETPPID}`], receiver)).toMatchObject({ status: 0, stdout: '-95\n' })
  expect((await linesOf(agent))[2]).toBe('a descriptor, once')
})

test.skipIf(!probing || isCrun)('RUN_OCI_SECCOMP_RECEIVER is the agent of a profile that names none', async () => {
  const socket = join(makeDirectory(), 'agent')
  const agent = await startAgent(socket, { [GETPPID]: 95 })
  const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_NOTIFY' })
  const env = { ...process.env, RUN_OCI_SECCOMP_RECEIVER: socket }
  const result = runArgs([PROBE, 'call', `${GETPPID}`], withProfile(profile), { env })
  expect(result).toMatchObject({ status: 0, stdout: '-95\n' })
  expect((await linesOf(agent))[2]).toBe('a descriptor, once')
})

/** An instruction of classic BPF: code, jt, jf, k. */
type Instruction = readonly [number, number, number, number]

const GETPPID_FAILS: readonly Instruction[] = [
  [0x20, 0, 0, 0], // load the number of the call
  [0x15, 0, 1, GETPPID],
  [0x06, 0, 0, 0x0005_0000 + 95],
  [0x06, 0, 0, 0x7fff_0000],
]

function base64(instructions: readonly Instruction[]): string {
  const bytes = Buffer.alloc(8 * instructions.length)
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * i)
    bytes.set([jt, jf], 8 * i + 2)
    bytes.writeUInt32LE(k, 8 * i + 4)
  }
  return bytes.toString('base64')
}

const withFilter = (data: string) =>
  withProfile(allowingAllBut(), config => {
    config.annotations = { 'run.oci.seccomp_bpf_data': data }
  })

test.skipIf(!probing)('run.oci.seccomp_bpf_data is a compiled filter', () => {
  const result = runArgs([PROBE, 'call', `${GETPPID}`], withFilter(base64(GETPPID_FAILS)))
  expect(result).toMatchObject({ status: 0, stdout: '-95\n' })
})

test.skipIf(!probing || !isTsrun)(
  'it takes nothing away from the profile, since an image can bring it (crun: it does)',
  () => {
    const profile = allowingAllBut({ names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 7 })
    const allowsAll: Instruction[] = [[0x06, 0, 0, 0x7fff0000]]
    /** What is to load the profile says that it has done so. */
    const lies: Instruction[] = [
      [0x20, 0, 0, 0],
      [0x15, 0, 1, SECCOMP],
      [0x06, 0, 0, 0x00050000],
      [0x06, 0, 0, 0x7fff0000],
    ]
    for (const filter of [allowsAll, lies]) {
      const change = withProfile(profile, config => {
        config.annotations = { 'run.oci.seccomp_bpf_data': base64(filter) }
      })
      expect(runArgs([PROBE, 'call', `${GETPPID}`], change)).toMatchObject({ status: 0, stdout: '-7\n' })
      const container = createRunning(change)
      expect(oci(['exec', container.id, PROBE, 'call', `${GETPPID}`])).toMatchObject({ status: 0, stdout: '-7\n' })
    }
  },
)

test.skipIf(!isTsrun)('data that are no filter are refused', () => {
  expectOneSentence(runScript('true', withFilter('not base64')), /seccomp_bpf_data: is not base64/)
  expectOneSentence(runScript('true', withFilter('AAAA')), /seccomp_bpf_data: has 3 bytes/)
  expectOneSentence(runScript('true', withFilter(base64([[0xffff, 0, 0, 0]]))), /seccomp.*EINVAL/)
})
