// CVE-2019-5736 in its forms: is anything of the host writable through /proc/PID/exe of a process that a container sees, at
// any instant? The container has every right that could help, and looks for newcomers without a pause.

import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Change, type Container, create, oci, tryCreate } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { eventually } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const skip = !isRoot || !have('cc')
const it = test.skipIf(skip)
const program = join(sceneDirectory, 'newcomers')
const RIGHTS = ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH', 'CAP_FOWNER']
const ROUNDS = 15

beforeAll(() => {
  if (!skip) compile('newcomers', program)
})

/** A program of the image that has itself executed by what executes it. */
function putScript(rootfs: string): void {
  writeFileSync(join(rootfs, 'bin/self'), '#!/proc/self/exe\n')
  chmodSync(join(rootfs, 'bin/self'), 0o755)
}

function startWatcher(change: Change = () => {}): Container {
  const container = create(['/bin/newcomers'], (config, rootfs) => {
    copyFileSync(program, join(rootfs, 'bin/newcomers'))
    putScript(rootfs)
    for (const set of Object.values(config.process.capabilities!)) set.push(...RIGHTS)
    change(config, rootfs)
  })
  expect(container.start().status).toBe(0)
  eventually('the watcher to run', () => container.output().includes('ready') || undefined)
  return container
}

const linesOf = ({ output }: Container, word: string) =>
  output()
    .split('\n')
    .filter(line => line.startsWith(`${word} `))
    .map(line => line.slice(word.length + 1))

/** What was written is the image's own. */
function expectNothingWritten(watcher: Container): void {
  if (isTsrun) expect(linesOf(watcher, 'held').join()).toMatch(/(^|,)\/(memfd:)?tsrun/)
  expect(linesOf(watcher, 'written').filter(path => !path.startsWith('/bin/'))).toEqual([])
}

it('of what visits a container nothing can be written (CVE-2019-5736)', () => {
  const watcher = startWatcher()
  for (let round = 0; round < ROUNDS; round++) {
    exec(watcher, ['true'])
    exec(watcher, ['true'], ['--user', '1000'])
    exec(watcher, ['/bin/self'])
    exec(watcher, ['/proc/self/exe'])
    for (const verb of ['pause', 'resume', 'state']) oci([verb, watcher.id])
    oci(['kill', watcher.id, 'CONT'])
  }
  expectNothingWritten(watcher)
})

it('of what mounts into a container nothing can be written (CVE-2019-5736; tsrun only)', () => {
  if (!isTsrun) return
  const watcher = startWatcher()
  const list = join(makeDirectory(), 'list.json')
  writeFileSync(list, JSON.stringify([{ destination: '/mnt', type: 'tmpfs', source: 'tmpfs' }]))
  for (let round = 0; round < ROUNDS; round++)
    for (const deed of ['add', 'remove']) expect(oci(['mounts', deed, watcher.id, list])).toMatchObject({ status: 0 })
  expect(linesOf(watcher, 'written').filter(path => !path.startsWith('/bin/'))).toEqual([])
})

it('of another container in the same pid namespace nothing can be written while it comes and goes (CVE-2019-5736)', () => {
  const watcher = startWatcher()
  const path = `/proc/${watcher.state().pid}/ns/pid`
  const bundle = makeBundle((config, rootfs) => {
    putScript(rootfs)
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
    config.linux.namespaces.push({ type: 'pid', path })
    config.process.args = ['true']
    config.hooks = { startContainer: [{ path: '/bin/true', args: ['true'] }] }
  })
  for (let round = 0; round < ROUNDS; round++) {
    const container = tryCreate(bundle)
    expect(container.created.status).toBe(0)
    container.start()
    container.remove('--force')
  }
  expectNothingWritten(watcher)
})

it('a program, hook or command whose interpreter is /proc/self/exe ends (CVE-2019-5736)', () => {
  const self = (where: 'args' | 'hook') =>
    makeBundle((config, rootfs) => {
      putScript(rootfs)
      config.process.args = [where === 'args' ? '/bin/self' : 'true']
      if (where === 'hook') config.hooks = { startContainer: [{ path: '/bin/self' }] }
    })
  for (const bundle of [self('args'), self('hook')]) {
    const container = tryCreate(bundle)
    if (container.created.status !== 0) continue // to refuse it is as good
    container.start()
    container.until('stopped')
  }
})
