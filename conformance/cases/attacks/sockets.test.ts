// Sockets of the host at a path of the caller, in a directory of somebody else's: he puts links to the sockets of root's
// services there, or exchanges his own for one while a command looks. EXCHANGED_ROUNDS says how many rounds there are.

import { chownSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { command, oci, removeLater } from '../../lib/container.ts'
import { exchange } from '../../lib/exchange.ts'
import { type Listener, listen } from '../../lib/listeners.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, sceneDirectory } from '../../lib/scene.ts'
import { allowingAllBut, compileProbe, withProfile } from '../../lib/seccomp.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const NOBODY = 65534
const rounds = Number(process.env['EXCHANGED_ROUNDS'] ?? 8)
const timeout = rounds * 4_000 + 60_000

/** A command that connects to a socket. */
interface Caller {
  readonly kind: Listener['kind']
  readonly bundle: (socket: string) => Bundle
  readonly verb: 'run' | 'create'
  readonly flags?: (socket: string) => string[]
  readonly env?: (socket: string) => NodeJS.ProcessEnv
  /** What it says when it follows no link; undefined where it says nothing. */
  readonly refusal: RegExp | undefined
}

const skip = !isTsrun || !isRoot || !have('python3') || !have('cc')
const tell = join(sceneDirectory, 'tell')

beforeAll(() => {
  if (skip) return
  compile('notify', tell)
  compileProbe()
})

const plain = () => makeBundle(config => (config.process.args = ['true']))
const NOT_FOLLOWED = /symbolic link of user 65534, which is not followed/

const CALLERS: Readonly<Record<string, Caller>> = {
  '--console-socket': {
    kind: 'stream',
    verb: 'create',
    bundle: () =>
      makeBundle(config => {
        config.process.terminal = true
        config.process.args = ['true']
      }),
    flags: socket => ['--console-socket', socket],
    refusal: NOT_FOLLOWED,
  },
  '--pidfd-socket': {
    kind: 'stream',
    verb: 'create',
    bundle: plain,
    flags: socket => ['--pidfd-socket', socket],
    refusal: NOT_FOLLOWED,
  },
  'a seccomp agent': {
    kind: 'stream',
    verb: 'run',
    bundle: socket => {
      const profile = allowingAllBut({ names: ['swapon'], action: 'SCMP_ACT_NOTIFY' })
      return makeBundle(withProfile({ ...profile, listenerPath: socket }, config => (config.process.args = ['true'])))
    },
    refusal: NOT_FOLLOWED,
  },
  NOTIFY_SOCKET: {
    kind: 'datagram',
    verb: 'run',
    // It has to say that it is ready, which is what the service manager is told.
    bundle: () =>
      makeBundle((config, rootfs) => {
        copyFileSync(tell, join(rootfs, 'bin/tell'))
        config.process.args = ['/bin/tell', 'READY=1']
      }),
    flags: () => ['--detach'],
    env: socket => ({ ...process.env, NOTIFY_SOCKET: socket }),
    // A service manager that does not hear us is no reason to end a container.
    refusal: undefined,
  },
}

function call({ verb, flags, env }: Caller, bundle: Bundle, socket: string) {
  const id = removeLater(fresh())
  const words = command(verb, ...(flags?.(socket) ?? []), '--bundle', bundle.directory, id)
  const result = run(words, { timeout: 30_000, ...(env && { env: env(socket) }) })
  oci(['delete', '--force', id])
  return result
}

/** A directory of somebody else's with his own socket in it, and a link to that of a service of root's. */
async function scene(kind: Listener['kind']) {
  const theirs = makeDirectory(0o755)
  const services = makeDirectory()
  mkdirSync(join(theirs, 'real'))
  const [own, inReal, service] = [join(theirs, 'own'), join(theirs, 'real/socket'), join(services, 'socket')]
  const calls = await listen(
    { kind, name: 'own', path: own },
    { kind, name: 'own', path: inReal },
    { kind, name: 'service', path: service },
  )
  const plant = (target: string, name: string) => {
    symlinkSync(target, join(theirs, name))
    must(['chown', '-h', `${NOBODY}:${NOBODY}`, join(theirs, name)])
    return join(theirs, name)
  }
  chownSync(theirs, NOBODY, NOBODY)
  chownSync(join(theirs, 'real'), NOBODY, NOBODY)
  const [link, way] = [plant(service, 'link'), plant(services, 'way')]
  return { own, inReal, link, way, calls }
}

describe.skipIf(skip).each(Object.entries(CALLERS))('%s', (_name, caller) => {
  test('follows no link of somebody else, planted there or on the way (peers: they do)', { timeout }, async () => {
    const { own, link, way, calls } = await scene(caller.kind)
    for (const path of [link, join(way, 'socket')]) {
      const { status, stderr } = call(caller, caller.bundle(path), path)
      if (caller.refusal) expect(stderr).toMatch(caller.refusal)
      else expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    }
    expect(await calls('own')).toBe(0)
    call(caller, caller.bundle(own), own)
    expect(await calls('own')).toBeGreaterThan(0)
    expect(await calls('service')).toBe(0)
  })

  test('whose name is exchanged for a link while it is looked for leads to no other', { timeout }, async () => {
    const { own, inReal, link, way, calls } = await scene(caller.kind)
    const places = [
      { path: own, exchanged: [own, link] },
      { path: inReal, exchanged: [dirname(inReal), way] },
    ] as const
    for (const { path, exchanged } of places) {
      const bundle = caller.bundle(path)
      const end = await exchange(...exchanged)
      for (let round = 0; round < rounds; round++) call(caller, bundle, path)
      await end()
    }
    expect(await calls('service')).toBe(0)
    expect(await calls('own')).toBeGreaterThan(0)
  })
})
