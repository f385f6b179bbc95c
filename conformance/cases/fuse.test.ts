// A root file system, a volume or a bundle of somebody who answers never, or each time otherwise: a FUSE server. Whatever
// it does, a command ends when it is told to, and leaves nothing.

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../lib/bundle.ts'
import type { Config } from '../lib/config.ts'
import { command, create, oci, removeLater } from '../lib/container.ts'
import { have, isRoot } from '../lib/machine.ts'
import { launch, run, sleep } from '../lib/run.ts'
import { repository } from '../lib/runtime.ts'
import { fresh, later } from '../lib/scene.ts'
import { leavesNothing } from '../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isRoot || !have('python3') || !existsSync('/dev/fuse'))
const server = join(repository, 'conformance/lib/fuse.py')
/** Long enough for a command to get to where it waits, and how long it may take to end. */
const UNTIL_IT_WAITS_MS = 1500
const UNTIL_IT_ENDS_MS = 8000

/** Mounts a hostile file system; `hush` makes it silent. */
async function mountHostile(mode: 'still' | 'flip' | 'files') {
  const directory = makeDirectory()
  const { child, speaks } = launch(['python3', server, mode, directory])
  later(() => {
    child.kill('SIGKILL')
    run(['umount', '--lazy', directory])
  })
  await speaks
  const hush = async () => {
    child.stdin!.write('hush\n')
    await once(child.stdout!, 'data')
  }
  return { directory, hush }
}

/** Runs a command, tells it to end when it has not by itself, and gives how long it took from then on. */
async function interrupt(words: readonly string[]): Promise<{ milliseconds: number; stderr: string }> {
  const { child, done } = launch(words)
  const patience = setTimeout(() => child.kill('SIGINT'), UNTIL_IT_WAITS_MS)
  const begin = Date.now()
  const { stderr } = await done
  clearTimeout(patience)
  return { milliseconds: Date.now() - begin - UNTIL_IT_WAITS_MS, stderr }
}

const bind = (config: Config, source: string, destination: string) =>
  config.mounts.push({ destination, type: 'bind', source, options: ['rbind'] })

/** Where the hostile file system is: gives the bundle to run. */
const PLACES: Record<string, (directory: string) => Pick<Bundle, 'directory'>> = {
  'the root file system': directory =>
    makeBundle(config => {
      config.root = { path: directory }
    }),
  'the source of a mount': directory => makeBundle(config => bind(config, `${directory}/a/b`, '/mnt')),
  'below a mount': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      const options = ['tmpcopyup']
      config.mounts.push({ destination: '/mnt/a/b', type: 'tmpfs', source: 'tmpfs', options })
    }),
  '/etc': directory => makeBundle(config => bind(config, directory, '/etc')),
  'the bundle': directory => ({ directory }),
}

for (const [place, bundleWith] of Object.entries(PLACES)) {
  it(`run can be interrupted when ${place} never answers, and leaves nothing`, async () => {
    const { directory, hush } = await mountHostile('still')
    const bundle = bundleWith(directory)
    await hush()
    const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
    const { milliseconds } = await interrupt(words)
    expect(milliseconds).toBeLessThan(UNTIL_IT_ENDS_MS)
  })

  for (const mode of ['flip', 'files'] as const)
    it(`run ends when ${place} is of ${mode}, and leaves nothing`, async () => {
      const { directory } = await mountHostile(mode)
      const bundle = bundleWith(directory)
      const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
      const { milliseconds, stderr } = await interrupt(words)
      expect(milliseconds).toBeLessThan(UNTIL_IT_ENDS_MS)
      expect(stderr).not.toContain('internal error')
    })
}

it('a container whose files do not answer any more can be looked at, left alone, and deleted', async () => {
  const { directory, hush } = await mountHostile('still')
  const container = create(['sleep', '60'], config => bind(config, directory, '/etc'))
  expect(container.start().status).toBe(0)
  await hush()
  expect((await interrupt(command('exec', container.id, 'true'))).milliseconds).toBeLessThan(UNTIL_IT_ENDS_MS)
  const stuck = launch(command('exec', '--env', 'HOME=/', container.id, 'cat', '/etc/motd'))
  sleep(UNTIL_IT_WAITS_MS)
  expect(container.state().status).toBe('running')
  expect(oci(['exec', '--env', 'HOME=/', container.id, 'true'], { timeout: 10_000 }).status).toBe(0)
  expect(oci(['delete', '--force', container.id], { timeout: 30_000 })).toMatchObject({ status: 0, stderr: '' })
  await stuck.done
})
