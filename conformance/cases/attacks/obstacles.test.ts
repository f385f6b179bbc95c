// What a container, or somebody else on the machine, puts in the way of commands: events that nobody answers, a lease of the
// program, no room for keys or processes. A command fails in one sentence, or a signal ends it; nothing is left, and the
// container can be looked at, killed and deleted all the time.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { grantRights } from '../../lib/config.ts'
import { type Change, command, create, oci, removeLater } from '../../lib/container.ts'
import { cgroupOf } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { have, isPureV2, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, PATIENCE, run, sleep } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { addUserNamespace, handOver, makeRootless, withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

const it = test.skipIf(!isTsrun || !isRoot || !have('cc'))

/** How long a command may take that has to wait for nobody, or is told to end. */
const SOON_MS = 8000 * PATIENCE
/** Until a command is where it waits. */
const UNTIL_IT_WAITS_MS = 1000 * PATIENCE

/** A command that needs nothing of what is in the way. */
function soon(...words: string[]) {
  const result = oci(words, { timeout: SOON_MS })
  expect(result, words.join(' ')).toMatchObject({ status: 0, signal: null, stderr: '' })
  return result.stdout
}

/** Runs a command, ends it by SIGTERM when it has not by itself, and gives what it said. */
async function interrupt(words: readonly string[]): Promise<string> {
  const { child, done } = launch(words)
  const patience = setTimeout(() => child.kill('SIGTERM'), UNTIL_IT_WAITS_MS)
  const begin = Date.now()
  const { stderr } = await done
  clearTimeout(patience)
  expect(Date.now() - begin).toBeLessThan(UNTIL_IT_WAITS_MS + SOON_MS)
  expect(stderr).not.toMatch(/internal error/)
  return stderr
}

it('a container that answers no permission events of fanotify holds up nobody for longer than he likes', async () => {
  const container = create(['/fanotify', '/'], (config, rootfs) => {
    compile('fanotify', join(rootfs, 'fanotify'))
    grantRights(config, ['CAP_SYS_ADMIN'])
  })
  expect(container.start().status).toBe(0)
  eventually('its events', () => container.output().includes('ready'))
  const { id } = container
  const cgroup = cgroupOf(container.state().pid!)
  const alone = () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').length === 1
  await interrupt(command('exec', id, 'true'))
  eventually('exec to be gone', alone)
  await interrupt(command('exec', '--env', 'HOME=/', '--tty', id, 'true'))
  eventually('exec to be gone', alone)
  for (const words of [['state'], ['ps'], ['pause'], ['resume'], ['inspect'], ['events', '--stats']])
    soon(words[0]!, ...words.slice(1), id)
  soon('list')
  soon('kill', '--all', id, 'WINCH')
  expect(container.state().status).toBe('running')
  soon('delete', '--force', id)
})

/** Has a lease of a file until it is ended. */
const LEASE = `
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR); fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK); print('ready', flush=True)
time.sleep(600)
`

test.skipIf(!isTsrun || !isRoot || !have('python3'))(
  'a lease of the program holds up run and exec no longer than their callers like (tsrun only)',
  async () => {
    const copied: Change = (_, rootfs) => void must(['cp', join(rootfs, 'bin/busybox'), join(rootfs, 'leased')])
    const container = create(['sleep', '1000'], copied)
    expect(container.start().status).toBe(0)
    const bundle = makeBundle((config, rootfs) => {
      copied(config, rootfs)
      config.process.args = ['/leased', 'sleep', '1000']
    })
    for (const { rootfs } of [container.bundle, bundle]) {
      const holder = launch(['python3', '-c', LEASE, join(rootfs, 'leased')])
      later(() => void holder.child.kill('SIGKILL'))
      await holder.speaks
    }
    await interrupt(command('exec', container.id, '/leased', 'sleep', '1000'))
    await interrupt(command('run', '--bundle', bundle.directory, removeLater(fresh())))
    soon('ps', container.id)
    soon('delete', '--force', container.id)
  },
)

test.skipIf(!isTsrun || !isRoot)('root has all of a container’s life where /proc hides processes', () => {
  const { directory } = makeBundle(config => {
    config.process.args = ['sleep', '1000']
  })
  const id = removeLater(fresh())
  const lines = [
    ['create', '--bundle', directory, id],
    ['start', id],
    ['exec', id, 'true'],
    ['state', id],
    ['ps', id],
    ['kill', '--all', id, 'WINCH'],
    ['kill', id, 'KILL'],
  ].map(words => `${command(...words).join(' ')} < /dev/null > /dev/null`)
  const stopped = `until ${command('state', id).join(' ')} | grep -q stopped; do sleep 0.05; done`
  const script = ['mount -t proc -o hidepid=2 proc /proc', ...lines, stopped, command('delete', id).join(' ')]
  const result = run(['unshare', '-m', '-p', '-f', 'sh', '-ec', script.join('\n')], { timeout: SOON_MS })
  expect(result).toMatchObject({ status: 0, stderr: '' })
})

it('where its user may have no more keys, run says so, and works without a keyring of its own', async () => {
  const directory = makeDirectory()
  const keys = join(directory, 'keys')
  compile('keys', keys)
  const bundle = makeBundle(config => {
    makeRootless(config, user.current)
    config.process.args = ['true']
  })
  const root = handOver(user.current, bundle.directory)
  const filler = launch(user.current.wrap([keys, 'fill']))
  later(() => void filler.child.kill('SIGKILL'))
  await filler.speaks
  const asUser = (...words: string[]) =>
    run(user.current.wrap([runtime.path, '--root', root, 'run', ...words, fresh()]))
  const place = ['--bundle', bundle.directory]
  expectOneSentence(asUser(...place), /session keyring `_ses\..*EDQUOT.*too many keys.*try --no-new-keyring/)
  expect(asUser('--no-new-keyring', ...place)).toMatchObject({ status: 0, stderr: '' })
})

const MOST = 64

const limitsPids = isPureV2() && readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').includes('pids')

const LIMITS: [string, boolean, Change][] = [
  [
    'RLIMIT_NPROC of a user namespace',
    true,
    config => {
      addUserNamespace(config)
      config.process.rlimits = [{ type: 'RLIMIT_NPROC', soft: MOST, hard: MOST }]
    },
  ],
  [
    'pids.max',
    limitsPids,
    config => {
      config.linux.resources!['pids'] = { limit: MOST }
    },
  ],
]

describe.skipIf(!isTsrun || !isRoot || !have('cc')).each(LIMITS)('a fork bomb at %s', (_, works, limit) => {
  const bomb = () => {
    const container = create(['/bomb'], (config, rootfs) => {
      compile('bomb', join(rootfs, 'bomb'))
      limit(config, rootfs)
      if (config.linux.uidMappings) must(['chown', '-hR', '100000:100000', rootfs])
    })
    expect(container.start().status).toBe(0)
    const { id } = container
    eventually('it to be at the limit', () => processes(id).length >= MOST - 8)
    return container
  }
  const processes = (id: string) => {
    const { stdout } = oci(['ps', '--format', 'json', id])
    return JSON.parse(stdout || '[]') as number[]
  }

  test.skipIf(!works)('exec is refused in a sentence or works, and what looks works', () => {
    const { id } = bomb()
    for (let round = 0; round < 5; round += 1) {
      const { status, signal, stderr } = oci(['exec', id, 'true'], { timeout: SOON_MS })
      expect(signal).toBeNull()
      if (status !== 0) expect(stderr).toMatch(/^tsrun: exec [^\n]*EAGAIN[^\n]*\n$/)
    }
    for (const words of [['state'], ['pause'], ['resume'], ['inspect'], ['events', '--stats']])
      soon(words[0]!, ...words.slice(1), id)
    soon('delete', '--force', id)
  })

  test.skipIf(!works)('kill --all ends all of it', () => {
    const container = bomb()
    soon('kill', '--all', container.id, 'KILL')
    container.until('stopped')
    soon('delete', container.id)
  })

  test.skipIf(!works)(
    'kill of the first process ends all of it, and so does delete --force, beside execs',
    async () => {
      const killed = bomb()
      const execs = Array.from({ length: 5 }, () => launch(command('exec', killed.id, 'sleep', '1000')))
      sleep(100)
      soon('kill', killed.id, 'KILL')
      killed.until('stopped')
      for (const { done } of execs) expect((await done).stderr).not.toMatch(/internal error/)
      soon('delete', killed.id)
      const deleted = bomb()
      const others = Array.from({ length: 5 }, () => launch(command('exec', deleted.id, 'sleep', '1000')))
      sleep(100)
      soon('delete', '--force', deleted.id)
      for (const { done } of others) expect((await done).stderr).not.toMatch(/internal error/)
    },
  )
})
