// A root file system, a volume or a bundle of somebody who answers never, or each time otherwise: a FUSE server. Whatever
// it does, a command ends when it is told to, and leaves nothing.

import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, create, oci, removeLater } from '../../lib/container.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { repository } from '../../lib/repository.ts'
import { launch, run, sleep } from '../../lib/run.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isRoot || !have('python3') || !existsSync('/dev/fuse'))
const server = join(repository, 'conformance/lib/fuse.py')
/** Long enough for a command to get to where it waits, and how long it may take to end. */
const UNTIL_IT_WAITS_MS = 1500
const UNTIL_IT_ENDS_MS = 8000

/** Mounts a hostile file system; `hush` makes it silent, and with `end` all who wait for it have an error. */
async function mountHostile(mode: 'still' | 'flip' | 'files') {
  const directory = makeDirectory()
  const { child, speaks } = launch(['python3', server, mode, directory])
  const end = () => {
    child.kill('SIGKILL')
    run(['umount', '--lazy', directory])
  }
  later(end)
  await speaks
  const hush = async () => {
    child.stdin!.write('hush\n')
    await once(child.stdout!, 'data')
  }
  return { directory, hush, end }
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
  'the working directory': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      config.process.cwd = '/mnt/a/b'
    }),
  'a directory of programs': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      config.process.env = ['PATH=/mnt/a:/bin']
    }),
  'what is masked and read-only': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      config.linux.maskedPaths = ['/mnt/a', '/mnt/b/c']
      config.linux.readonlyPaths = ['/mnt/d']
    }),
  '/dev': directory =>
    makeBundle(config => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'))
      bind(config, directory, '/dev')
    }),
  'where a device is made': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      config.linux.devices = [{ path: '/mnt/a/node', type: 'c', major: 1, minor: 3, fileMode: 0o600 }]
    }),
  'where /proc and /sys are mounted': directory =>
    makeBundle(config => {
      bind(config, directory, '/mnt')
      const kernels = config.mounts.filter(({ type }) => type === 'proc' || type === 'sysfs')
      config.mounts.push(...kernels.map(mount => ({ ...mount, destination: `/mnt${mount.destination}` })))
    }),
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

it('commands for a container can be interrupted where its files, or its bundle, do not answer any more', async () => {
  const { directory, hush, end } = await mountHostile('still')
  const list = join(makeDirectory(), 'list.json')
  writeFileSync(list, JSON.stringify([{ destination: '/mnt/a', type: 'tmpfs', source: 'tmpfs' }]))
  const running = () => {
    const container = create(['sleep', '60'], config => {
      bind(config, directory, '/mnt')
      config.hooks = { poststop: [{ path: '/bin/true' }] }
    })
    expect(container.start().status).toBe(0)
    return container.id
  }
  const [id, deleted] = [running(), running()]
  for (const one of [id, deleted]) {
    // As if the bundle had been there.
    const path = join(stateRoot, one, 'state.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), bundle: directory }))
  }
  await hush()
  const words = [
    ['exec', '--cwd', '/mnt/a', id, 'true'],
    ['exec', id, '/mnt/a/program'],
    ['exec', '--env', 'PATH=/mnt/a', id, 'program'],
    ['exec', '--tty', '--cwd', '/mnt', id, 'true'],
    ['mounts', 'add', id, list],
    ['state', id],
    ['list'],
    ['ps', id],
    ['inspect', id],
    ['inspect', '--drift', id],
    ['events', '--stats', id],
    ['gc'],
    ['delete', '--force', deleted],
  ]
  for (const one of words) {
    const { milliseconds } = await interrupt(command(...one))
    expect({ one, soon: milliseconds < UNTIL_IT_ENDS_MS }).toEqual({ one, soon: true })
  }
  expect(oci(['exec', '--env', 'HOME=/', id, 'true'], { timeout: 10_000 }).status).toBe(0)
  end() // the poststop hooks of what is deleted after the test begin in the bundle
})

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
