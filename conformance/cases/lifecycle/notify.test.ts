// sd_notify(3): what a program in a container says to the service manager of the runtime.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { compile } from '../../lib/compile.ts'
import { type Change, command, removeLater, runScript, tryCreate } from '../../lib/container.ts'
import { have, isRoot } from '../../lib/machine.ts'
import { eventually, launch, must, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { addUserNamespace } from '../../lib/user.ts'

leavesNothing()

const skip = !isTsrun || !isRoot || !have('cc') || !have('python3')
const it = test.skipIf(skip)
const TELL = '/bin/tell'
const program = join(sceneDirectory, 'tell')

beforeAll(() => {
  if (!skip) compile('notify', program)
})

function withProgram(args: readonly string[], change: Change = () => {}): Change {
  return (config, rootfs) => {
    copyFileSync(program, join(rootfs, TELL))
    config.process.args = [TELL, ...args]
    change(config, rootfs)
  }
}

const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1].replace('@', '\\0')); print('listens', flush=True)
while True: print(repr(manager.recv(4096).decode()), flush=True)
`

/** A service manager; `heard` gives its messages when there are as many. */
async function startManager(address = join(makeDirectory(), 'notify')) {
  const manager = launch(['python3', '-c', MANAGER, address])
  later(() => void manager.child.kill('SIGKILL'))
  let text = ''
  manager.child.stdout!.on('data', data => {
    text += data
  })
  await manager.speaks
  const lines = () =>
    text
      .trim()
      .split('\n')
      .filter(line => line.startsWith("'"))
      .map(line => line.slice(1, -1))
  const heard = async (count: number) => {
    for (let tries = 0; lines().length < count && tries < 100; tries++)
      await new Promise(resolve => setTimeout(resolve, 50))
    return lines()
  }
  return { env: { ...process.env, NOTIFY_SOCKET: address }, heard }
}

it('start returns when the program is ready, and tells its pid', async () => {
  const { env, heard } = await startManager()
  const id = removeLater(fresh())
  const bundle = makeBundle(withProgram(['STATUS=soon', 'sleep', 'READY=1', 'wait']))
  expect(run(command('create', '--bundle', bundle.directory, id), { env })).toMatchObject({ status: 0, stderr: '' })
  const begin = Date.now()
  expect(run(command('start', id), { env })).toMatchObject({ status: 0, stderr: '' })
  expect(Date.now() - begin).toBeGreaterThan(900)
  const { pid } = JSON.parse(must(command('state', id))) as { pid: number }
  expect(await heard(1)).toEqual([`MAINPID=${pid}\\nREADY=1`])
})

it('start can be interrupted by kill and delete, and returns when the program ends without a word', async () => {
  const { env, heard } = await startManager()
  const id = removeLater(fresh())
  const bundle = makeBundle(withProgram(['wait']))
  run(command('create', '--bundle', bundle.directory, id), { env })
  const start = launch(command('start', id), { env })
  eventually('the program to run', () => JSON.parse(must(command('state', id))).status === 'running')
  expect(run(command('delete', '--force', id))).toMatchObject({ status: 0, stderr: '' })
  expect((await start.done).status).toBe(0)
  expect(await heard(0)).toEqual([])
})

it('run -d waits as well', async () => {
  const { env, heard } = await startManager('@tsrun-notify-test')
  const id = removeLater(fresh())
  const bundle = makeBundle(withProgram(['READY=1', 'wait']))
  expect(run(command('run', '--detach', '--bundle', bundle.directory, id), { env })).toMatchObject({ status: 0 })
  expect((await heard(1))[0]).toMatch(/^MAINPID=\d+\\nREADY=1$/)
})

it('run passes on what the program says, but no pids of the container', async () => {
  const { env, heard } = await startManager()
  const bundle = makeBundle(
    withProgram(['STATUS=hello', 'MAINPID=1\nREADY=1', 'STOPPING=1', 'sleep'], config => {
      config.process.user = { uid: 1000, gid: 1000 }
    }),
  )
  expect(run(command('run', '--bundle', bundle.directory, removeLater(fresh())), { env }).status).toBe(0)
  expect(await heard(3)).toEqual(['STATUS=hello', 'READY=1', 'STOPPING=1'])
})

it('the socket is not made where somebody who shares the root file system leads the way to', () => {
  const env = { ...process.env, NOTIFY_SOCKET: '@nowhere' } // so that it is at /run/notify
  const hook = join(makeDirectory(), 'hook')
  const bundle = makeBundle((config, rootfs) => {
    // In the place of another container that wins a race: the mount for the socket is there by then.
    const script = `cat; cd ${rootfs}; mv run old; mkdir run; ln -s /proc/self/fd/$1 run/notify`
    writeFileSync(hook, `#!/bin/sh\n${script}\n`)
    chmodSync(hook, 0o755)
    config.hooks = { createContainer: [] }
  })
  for (let number = 3; number < 12; number++) {
    for (const name of ['run', 'old']) rmSync(join(bundle.rootfs, name), { recursive: true, force: true })
    mkdirSync(join(bundle.rootfs, 'run'))
    bundle.config.hooks = { createContainer: [{ path: hook, args: ['hook', `${number}`] }] }
    bundle.save()
    const id = removeLater(fresh())
    run(['sh', '-c', '"$@" >/dev/null 2>&1', 'sh', ...command('create', '--bundle', bundle.directory, id)], { env })
    const state = join(stateRoot, id)
    expect(existsSync(state) ? readdirSync(state) : []).not.toContain('notify.sock')
  }
})

/** How many descriptors the process has. */
const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).length

it('descriptors that a program sends along do not pile up in the runtime, and do not keep it from its work', async () => {
  const { env, heard } = await startManager()
  const id = removeLater(fresh())
  const bundle = makeBundle(withProgram(['flood', 'STOPPING=1', 'sleep']))
  const ran = launch(command('run', '--bundle', bundle.directory, id), { env })
  expect((await heard(2001)).at(-1)).toBe('STOPPING=1')
  expect(descriptorsOf(ran.child.pid!)).toBeLessThan(40)
  expect(await ran.done).toMatchObject({ status: 0, stderr: '' })
})

it('run does not pass on who else may speak', async () => {
  const { env, heard } = await startManager()
  const said = ['NOTIFYACCESS=all', 'MAINPIDFDID=7', 'FDSTORE=1', 'X_ANY=1', 'READY=1']
  const bundle = makeBundle(withProgram(['sleep', ...said, said.join('\n'), 'sleep']))
  expect(run(command('run', '--bundle', bundle.directory, removeLater(fresh())), { env }).status).toBe(0)
  expect(await heard(2)).toEqual(['READY=1', 'READY=1'])
})

it('nobody outside of the container says READY for it: not who shares its root file system, nor another user', async () => {
  const { env, heard } = await startManager()
  const id = removeLater(fresh())
  const bundle = makeBundle(withProgram(['wait']))
  expect(run(command('create', '--bundle', bundle.directory, id), { env })).toMatchObject({ status: 0 })
  const start = launch(command('start', id), { env })
  const { pid } = eventually('the program to run', () => {
    const state = JSON.parse(must(command('state', id))) as { status: string; pid: number }
    return state.status === 'running' ? state : undefined
  })
  const say = (socket: string, ...as: string[]) =>
    run([...as, program, 'READY=1'], { env: { ...process.env, NOTIFY_SOCKET: socket } }).status
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const own = join(env.NOTIFY_SOCKET, 'notify').slice(1)
  expect(say(join(bundle.rootfs, own))).toBe(1)
  expect(say(`/proc/${pid}/root/${own}`, ...user)).toBe(1)
  const neighbour = makeBundle(
    withProgram(['READY=1'], config => {
      config.root.path = bundle.rootfs
      config.process.env.push(`NOTIFY_SOCKET=/${own}`)
    }),
  )
  expect(run(command('run', '--bundle', neighbour.directory, removeLater(fresh()))).status).toBe(1)
  expect(start.child.exitCode).toBeNull()
  expect(await heard(0)).toEqual([])
  expect(run(command('delete', '--force', id)).status).toBe(0)
  await start.done
})

it('a service manager that reads nothing does not keep signals from a program that floods it', async () => {
  const address = join(makeDirectory(), 'notify')
  const deaf = launch(['python3', '-c', MANAGER.replace(/while True.*/, 'import time; time.sleep(100)'), address])
  later(() => void deaf.child.kill('SIGKILL'))
  await deaf.speaks
  const bundle = makeBundle(
    withProgram(['flood', 'wait'], config => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid') // the first one ignores signals
    }),
  )
  const id = removeLater(fresh())
  const env = { ...process.env, NOTIFY_SOCKET: address }
  const { child, done } = launch(command('run', '--bundle', bundle.directory, id), { env, timeout: 20_000 })
  eventually('the program to run', () => run(command('state', id)).stdout.includes('running'))
  await new Promise(resolve => setTimeout(resolve, 300))
  child.kill('SIGTERM')
  expect(await done).toMatchObject({ status: 143, stderr: '' })
})

it('works in a user namespace', async () => {
  const { env, heard } = await startManager()
  const bundle = makeBundle(
    withProgram(['READY=1', 'sleep'], (config, rootfs) => {
      must(['chown', '-R', '100000:100000', rootfs])
      addUserNamespace(config)
    }),
  )
  expect(run(command('run', '--bundle', bundle.directory, removeLater(fresh())), { env })).toMatchObject({
    status: 0,
    stderr: '',
  })
  expect(await heard(1)).toEqual(['READY=1'])
})

it('a socket from elsewhere stays as it is', () => {
  const env = { ...process.env, NOTIFY_SOCKET: '/nowhere' }
  const script = 'echo $NOTIFY_SOCKET; grep -cE " /(run/notify|nowhere) " /proc/self/mounts'
  const change: Change = config => config.process.env.push('NOTIFY_SOCKET=/mine')
  expect(runScript(script, change, { env }).stdout).toBe('/mine\n0\n')
  expect(runScript(script, () => {}, { env }).stdout).toBe('/nowhere/notify\n1\n')
  expect(runScript(script).stdout).toBe('\n0\n')
  expect(runScript(script, () => {}, { env: { ...process.env, NOTIFY_SOCKET: '' } }).stdout).toBe('\n0\n')
})

it('a container that nobody asked for news has no socket', () => {
  const container = tryCreate(makeBundle())
  expect(container.created.status).toBe(0)
  expect(container.start().status).toBe(0)
})
