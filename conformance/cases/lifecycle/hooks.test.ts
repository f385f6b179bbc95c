// The six kinds of hooks: where and when they run, what they are told, and what their failure means.

import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Hook } from '../../lib/config.ts'
import { type Container, runBundle, type State, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isAlive } from '../../lib/machine.ts'
import { sleep } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const KINDS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const
type Kind = (typeof KINDS)[number]

/** Run outside or inside of the container's namespaces; and at create, start, or delete. */
const RUNS_INSIDE: Kind[] = ['createContainer', 'startContainer']

/** A hook that runs a shell script. The container's root has a /bin/sh as well. */
function sh(script: string, ...more: string[]): Hook {
  return { path: '/bin/sh', args: ['sh', '-c', script, ...more], env: ['PATH=/usr/bin:/bin'] }
}

/** A bundle with hooks, and a directory that both sides know as /log. */
function hooked(make: (log: string) => Record<string, Hook[]>): {
  bundle: Bundle
  log: string
  read(name: string): string
} {
  const log = makeDirectory(0o777)
  const bundle = makeBundle(config => {
    config.hooks = make(log)
    config.mounts.push({ destination: log, type: 'bind', source: log, options: ['bind'] })
    config.process.args = ['sh', '-c', `echo program >> ${log}/order`]
  })
  const read = (name: string) => (existsSync(join(log, name)) ? readFileSync(join(log, name), 'utf8') : '')
  return { bundle, log, read }
}

function live(bundle: Bundle): Container {
  const container = tryCreate(bundle)
  expect(container.created).toMatchObject({ status: 0, stderr: '' })
  expect(container.start()).toMatchObject({ status: 0, stderr: '' })
  container.until('stopped')
  return container
}

test('hooks run in the order of the specification, those of one kind in listed order', () => {
  const { bundle, read } = hooked(log =>
    Object.fromEntries(KINDS.map(kind => [kind, [1, 2].map(at => sh(`echo ${kind} ${at} >> ${log}/order`))])),
  )
  const container = tryCreate(bundle)
  expect(container.created).toMatchObject({ status: 0, stderr: '' })
  const twice = (...kinds: Kind[]) => kinds.flatMap(kind => [`${kind} 1`, `${kind} 2`])
  const atCreate = twice('prestart', 'createRuntime', 'createContainer')
  // The peers run poststart hooks too early: runc at create, crun beside startContainer hooks.
  const lines = () =>
    read('order')
      .trim()
      .split('\n')
      .filter(line => isTsrun || !line.startsWith('poststart'))
  expect(lines()).toEqual(atCreate)

  expect(container.start()).toMatchObject({ status: 0, stderr: '' })
  container.until('stopped')
  expect(lines().slice(6, 8)).toEqual(twice('startContainer'))
  // The program and the poststart hooks run at the same time.
  expect(lines().slice(8).sort()).toEqual(isTsrun ? [...twice('poststart'), 'program'].sort() : ['program'])

  expect(container.remove().status).toBe(0)
  expect(read('order').trim().split('\n').slice(-2)).toEqual(twice('poststop'))
})

test.each(KINDS)('%s hooks read the state on stdin', kind => {
  const { bundle, read } = hooked(log => ({ [kind]: [sh(`cat > ${log}/state`)] }))
  bundle.config.annotations = { 'org.example.key': 'value' }
  bundle.save()
  const container = live(bundle)
  container.remove()
  const state = JSON.parse(read('state')) as State
  // crun tells startContainer hooks where the bundle is from inside, so to say.
  const place = isCrun && kind === 'startContainer' ? '/' : bundle.directory
  expect(state).toMatchObject({ id: container.id, bundle: place, annotations: { 'org.example.key': 'value' } })
  expect(state.ociVersion).toMatch(/^1\./)
  const statuses: Record<Kind, RegExp> = {
    prestart: /^creat(ing|ed)$/,
    createRuntime: /^creat(ing|ed)$/,
    createContainer: /^creat(ing|ed)$/,
    startContainer: /^(created|starting)$/,
    poststart: /^running$/,
    poststop: /^stopped$/,
  }
  // The program of this test may be over before its poststart hook is asked.
  if (kind === 'poststart') expect(state.status).toMatch(isRunc ? /^created$/ : /^(running|stopped)$/)
  else expect(state.status).toMatch(statuses[kind])
})

test('hooks outside the container are told the pid of init on the host', () => {
  const { bundle, read } = hooked(log => ({
    createRuntime: [
      sh(
        `cat > ${log}/state; readlink /proc/$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' ${log}/state)/ns/uts > ${log}/uts`,
      ),
    ],
  }))
  const container = tryCreate(bundle)
  expect((JSON.parse(read('state')) as State).pid).toBe(container.state().pid)
  expect(read('uts').trim()).toBe(readlinkSync(`/proc/${container.state().pid}/ns/uts`))
})

test.each(KINDS)('%s hooks run in the namespaces they belong to', kind => {
  const { bundle, read } = hooked(log => ({
    [kind]: [sh(`readlink /proc/self/ns/net > ${log}/net; readlink /proc/self/ns/mnt > ${log}/mnt`)],
  }))
  const container = live(bundle)
  container.remove()
  const isInside = RUNS_INSIDE.includes(kind)
  for (const name of ['net', 'mnt']) {
    expect(read(name)).toMatch(/^\w+:\[/)
    expect(read(name).trim() !== readlinkSync(`/proc/self/ns/${name}`)).toBe(isInside)
  }
})

// runc's delete does not go to the bundle.
const WITH_CREATE: Kind[] = ['prestart', 'createRuntime', 'poststart']
test.each(isRunc ? WITH_CREATE : [...WITH_CREATE, 'poststop' as const])('%s hooks begin in the bundle', kind => {
  const { bundle, read } = hooked(log => ({ [kind]: [sh(`pwd -P > ${log}/place; ls config.json >> ${log}/place`)] }))
  live(bundle).remove()
  expect(read('place')).toBe(`${bundle.directory}\nconfig.json\n`)
})

test('poststop hooks run, too, when the bundle has been removed', () => {
  const { bundle, read } = hooked(log => ({ poststop: [sh(`echo over > ${log}/end`)] }))
  const container = live(bundle)
  rmSync(bundle.directory, { recursive: true })
  expect(container.remove()).toMatchObject({ status: 0, stderr: '' })
  expect(read('end')).toBe('over\n')
})

test('startContainer hooks see the root of the container, createContainer hooks still that of the host', () => {
  const { bundle, read } = hooked(log => ({
    createContainer: [
      sh(`test -e ${log}/../../etc/os-release || test -e /usr/lib/os-release && echo host > ${log}/before`),
    ],
    startContainer: [sh(`test -e /bin/busybox && ! test -e /usr/lib/os-release && echo container > ${log}/after`)],
  }))
  live(bundle)
  expect(read('before')).toBe('host\n')
  expect(read('after')).toBe('container\n')
})

test('mounts are in place when createContainer hooks run, but not yet at the root', () => {
  const { bundle, read } = hooked(log => ({
    createContainer: [sh(`grep -c " $0/proc " /proc/self/mounts > ${log}/count`, 'ROOT')],
  }))
  bundle.config.hooks!['createContainer']![0]!.args![3] = bundle.rootfs
  bundle.save()
  live(bundle)
  expect(Number(read('count'))).toBeGreaterThan(0)
})

test.skipIf(isCrun)('createContainer hooks begin in the root of the container (crun: where the runtime is)', () => {
  const { bundle, read } = hooked(log => ({
    createContainer: [
      sh(`pwd > ${log}/place; grep -q " $PWD/proc " /proc/self/mounts && echo mounted > ${log}/mounts`),
    ],
  }))
  live(bundle)
  expect(read('place')).toBe(`${bundle.rootfs}\n`)
  expect(read('mounts')).toBe('mounted\n')
})

test.each([true, false])('startContainer hooks may do no more than the program (no_new_privs: %s)', noNewPrivileges => {
  const look = 'grep -E "^(Uid|Gid|Groups|Cap(Prm|Eff|Bnd)|NoNewPrivs|Seccomp)" /proc/self/status'
  const { bundle, log, read } = hooked(log => ({
    startContainer: [sh(`${look} > ${log}/hook; mkdir ${log}/made || true`)],
  }))
  Object.assign(bundle.config.process, {
    args: ['sh', '-c', `${look} > ${log}/program`],
    user: { uid: 1000, gid: 1000, additionalGids: [7] },
    noNewPrivileges,
  })
  bundle.config.linux['seccomp'] = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
  }
  bundle.save()
  live(bundle)
  expect(read('hook')).toMatch(/Uid:\s+1000\s+1000.*CapEff:\s+0+\n.*Seccomp:\s+2\n/s)
  expect(read('program')).toBe(read('hook'))
  expect(existsSync(join(log, 'made'))).toBe(false)
})

test('a hook has the environment of its configuration and no other', () => {
  const { bundle, read } = hooked(log => ({
    createRuntime: [
      { path: '/bin/sh', args: ['sh', '-c', `/usr/bin/env > ${log}/env`], env: ['ONE=1', 'TWO=a b=c', 'PATH=/bin'] },
    ],
  }))
  const container = tryCreate(bundle)
  expect(container.created.stderr).toBe('')
  const lines = read('env')
    .trim()
    .split('\n')
    .filter(line => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))
  expect(lines.sort()).toEqual(['ONE=1', 'PATH=/bin', 'TWO=a b=c'])
})

test.skipIf(isCrun)('an empty list of args is none: the program, busybox here, is called by its path', () => {
  const { bundle } = hooked(() => ({ startContainer: [{ path: '/bin/true', args: [] }] }))
  expect(runBundle(bundle)).toMatchObject({ status: 0, stderr: '' })
})

test('args are the whole argument vector, and its first word may differ from the path', () => {
  const { bundle, read } = hooked(log => ({
    createRuntime: [{ path: '/bin/sh', args: ['other-name', '-c', `echo "$0" "$1" > ${log}/args`, 'zero', 'one two'] }],
  }))
  tryCreate(bundle)
  expect(read('args')).toBe('zero one two\n')
})

test('only stdin, stdout and stderr are open in a hook', () => {
  const { bundle, read } = hooked(log => ({ createRuntime: [sh(`exec ls /proc/self/fd > ${log}/fds`)] }))
  tryCreate(bundle)
  expect(read('fds').trim().split('\n')).toEqual(['0', '1', '2', '3'])
})

test('what a hook prints does not get into the output of the command', () => {
  const { bundle } = hooked(() => ({ createRuntime: [sh('echo from the hook')] }))
  const { created } = tryCreate(bundle)
  if (!isCrun) expect(created).toMatchObject({ status: 0, stdout: '' })
})

test.each(['prestart', 'createRuntime', 'createContainer'] as const)(
  'a failing %s hook fails create, and poststop hooks run',
  kind => {
    const { bundle, read } = hooked(log => ({
      [kind]: [sh('echo the reason >&2; exit 7'), sh(`echo second >> ${log}/order`)],
      poststop: [sh(`echo poststop >> ${log}/order`)],
    }))
    const container = tryCreate(bundle)
    expectOneSentence(container.created, new RegExp(`${kind}.*7`))
    if (isTsrun) expect(container.created.stderr).toContain('the reason')
    expect(() => container.state()).toThrow()
    if (!isCrun) expect(read('order')).toBe('poststop\n')
  },
)

test('a failing startContainer hook fails start, and the program does not run', () => {
  const { bundle, read } = hooked(() => ({ startContainer: [sh('echo the reason >&2; exit 7')] }))
  const container = tryCreate(bundle)
  const started = container.start()
  // The peers notice only that init has gone, or not at all.
  if (isTsrun) expectOneSentence(started, /startContainer/)
  container.until('stopped')
  expect(read('order')).toBe('')
})

test.skipIf(!isTsrun)('a poststart hook finds the program executed (runc 1.3.6: its own first process)', () => {
  const find = 'sed -n \'s/.*"pid": *\\([0-9]*\\).*/\\1/p\''
  const { bundle, read } = hooked(log => ({ poststart: [sh(`cat /proc/$(${find})/comm > ${log}/comm`)] }))
  bundle.config.process.args = ['sleep', '1000']
  bundle.save()
  const container = tryCreate(bundle)
  expect(container.start()).toMatchObject({ status: 0, stderr: '' })
  expect(read('comm')).toBe('sleep\n')
  expect(container.remove('--force').status).toBe(0)
})

test.skipIf(isRunc)('a failing poststart hook fails start and ends the container (runc: fails create)', () => {
  const { bundle } = hooked(() => ({ poststart: [sh('echo the reason >&2; exit 7')] }))
  bundle.config.process.args = ['sh', '-c', 'while :; do sleep 0.05; done']
  bundle.save()
  const container = tryCreate(bundle)
  const { pid } = container.state()
  expectOneSentence(container.start(), /poststart/)
  if (isTsrun) expect(isAlive(pid!)).toBe(false)
})

test.skipIf(isRunc)(
  'a failing poststop hook is a warning, the others run, and the container is gone (runc: an error)',
  () => {
    const { bundle, read } = hooked(log => ({
      poststop: [sh('exit 7'), sh(`echo second >> ${log}/order`)],
    }))
    const container = live(bundle)
    const removed = container.remove()
    expect(removed.status).toBe(0)
    if (isTsrun) expect(removed.stderr).toMatch(/^[^\n]*poststop[^\n]*\n$/)
    expect(read('order')).toMatch(/second/)
    expect(() => container.state()).toThrow()
  },
)

test('a hook that takes longer than its timeout is killed and counts as failed', () => {
  const { bundle } = hooked(log => ({
    createRuntime: [{ ...sh(`echo $$ > ${log}/pid; exec sleep 30`), timeout: 1 }],
  }))
  const begin = Date.now()
  const container = tryCreate(bundle)
  expect(Date.now() - begin).toBeLessThan(8000)
  expectOneSentence(container.created, /timeout|seconds?|time/)
  const { log } = { log: bundle.config.mounts.at(-1)!.source! }
  sleep(50)
  expect(isAlive(Number(readFileSync(join(log, 'pid'), 'utf8')))).toBe(false)
})

test('a hook within its timeout is waited for', () => {
  const { bundle, read } = hooked(log => ({
    createRuntime: [{ ...sh(`sleep 0.3; echo done > ${log}/order`), timeout: 5 }],
  }))
  expect(tryCreate(bundle).created.status).toBe(0)
  expect(read('order')).toBe('done\n')
})

test('a missing hook is an error that names it', () => {
  const { bundle } = hooked(() => ({ createRuntime: [{ path: '/no/such/hook' }] }))
  expectOneSentence(tryCreate(bundle).created, /\/no\/such\/hook/)
})

test('a hook without a path is an error', () => {
  const { bundle } = hooked(() => ({ createRuntime: [{ path: '' }] }))
  expectOneSentence(tryCreate(bundle).created, /hooks/, 'runc', 'crun')
})

test('a hook killed by a signal fails with its name or number', () => {
  const { bundle } = hooked(() => ({ createRuntime: [sh('kill -KILL $$')] }))
  expectOneSentence(tryCreate(bundle).created, /SIGKILL|signal 9|137|killed/)
})

test('a hook may stay away from its stdin', () => {
  const { bundle } = hooked(() => ({ createRuntime: [{ path: '/bin/true' }] }))
  bundle.config.annotations = { 'org.example.large': 'x'.repeat(200_000) }
  bundle.save()
  // More than a pipe holds: whoever writes it must not wait for ever, nor die of SIGPIPE.
  expect(tryCreate(bundle).created.status).toBe(0)
})

test('run calls all of them', () => {
  const { bundle, read } = hooked(log =>
    Object.fromEntries(KINDS.map(kind => [kind, [sh(`echo ${kind} >> ${log}/order`)]])),
  )
  expect(runBundle(bundle).status).toBe(0)
  const order = read('order').trim().split('\n')
  expect([...order].sort()).toEqual([...KINDS, 'program'].sort())
  expect(order.at(-1)).toBe('poststop')
})

test('a hook that changes the bundle is too late for this container', () => {
  const { bundle } = hooked(() => ({ createRuntime: [] }))
  const path = join(bundle.directory, 'config.json')
  bundle.config.hooks = { createRuntime: [sh(`echo '{}' > ${path}`)] }
  bundle.config.process.args = ['echo', 'as configured']
  bundle.save()
  const result = runBundle(bundle)
  expect(result).toMatchObject({ status: 0, stdout: 'as configured\n' })
  writeFileSync(path, '{}')
})
