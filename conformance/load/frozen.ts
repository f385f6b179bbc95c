// Cgroups that somebody else has frozen, and root file systems that disappear.

import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cgroup2Mount } from '../lib/machine.ts'
import { makeRootfs } from '../lib/rootfs.ts'
import { must, sleep } from '../lib/run.ts'
import { type Case, casesPart, check } from './cases.ts'
import type { Place } from './place.ts'

const SENTENCE = /^tsrun: [^\n]+\n$/

/** A cgroup of ours above those of containers, for as long as `work` takes. */
async function below<T>(place: Place, work: (directory: string, cgroupsPath: string) => Promise<T> | T): Promise<T> {
  const name = `parent-${place.id()}`
  const directory = join(cgroup2Mount()!, name)
  mkdirSync(directory)
  try {
    return await work(directory, `/${name}/inner`)
  } finally {
    writeFileSync(join(directory, 'cgroup.freeze'), '0')
    rmdirSync(directory)
  }
}

/** A running container in that cgroup. */
function running(place: Place, cgroupsPath: string): string {
  const bundle = place.bundle(config => {
    config.linux.cgroupsPath = cgroupsPath
  })
  const id = place.id()
  place.must('create', '--bundle', bundle, id)
  place.must('start', id)
  return id
}

const frozenCases: readonly Case[] = [
  {
    name: 'a container frozen from outside is paused, takes no exec, and can be killed and deleted',
    run: place =>
      below(place, (parent, cgroupsPath) => {
        const id = running(place, cgroupsPath)
        writeFileSync(join(parent, 'inner/cgroup.freeze'), '1')
        sleep(50)
        const status = place.status(id)
        const exec = place.oci('exec', id, 'true')
        const kill = place.oci('kill', id, 'KILL')
        const removal = place.oci('delete', '--force', id)
        return check(
          [status === 'paused', `is ${status}`],
          [exec.status === 255 && SENTENCE.test(exec.stderr), `exec: ${exec.signal ?? exec.status} ${exec.stderr}`],
          [kill.status === 0, `kill: ${kill.stderr}`],
          [removal.status === 0 && removal.stderr === '', `delete: ${removal.stderr}`],
        )
      }),
  },
  {
    name: 'a container below a frozen cgroup can be looked at, killed and deleted',
    run: place =>
      below(place, (parent, cgroupsPath) => {
        const id = running(place, cgroupsPath)
        writeFileSync(join(parent, 'cgroup.freeze'), '1')
        sleep(50)
        const status = place.status(id)
        const list = place.oci('list')
        const removal = place.oci('delete', '--force', id)
        return check(
          [status === 'paused', `is ${status}`],
          [list.status === 0, `list: ${list.stderr}`],
          [removal.status === 0 && removal.stderr === '', `delete: ${removal.stderr}`],
        )
      }),
  },
  {
    name: 'a create below a frozen cgroup that is killed leaves nothing',
    run: place =>
      below(place, async (parent, cgroupsPath) => {
        writeFileSync(join(parent, 'cgroup.freeze'), '1')
        const bundle = place.bundle(config => {
          config.linux.cgroupsPath = cgroupsPath
        })
        const id = place.id()
        const { child, done } = place.launch(place.command('create', '--bundle', bundle, id))
        setTimeout(() => child.kill('SIGKILL'), 1000)
        await done
        const left = place.left().filter(line => line !== `cgroup ${basename(parent)}`)
        return left.map(line => `there is ${line}`)
      }),
  },
]

export const frozen = casesPart('frozen', 'cgroups that somebody else has frozen', frozenCases)

/** A root file system of its own, that can go. */
function withRootfs(place: Place): { rootfs: string; id: string; bundle: string } {
  const rootfs = join(place.directory, place.id())
  makeRootfs(rootfs)
  const bundle = place.bundle(config => {
    config.root.path = rootfs
  })
  return { rootfs, id: place.id(), bundle }
}

const goneCases: readonly Case[] = [
  {
    name: 'a root file system that goes during create: a container or a sentence',
    async run(place) {
      const { rootfs, id, bundle } = withRootfs(place)
      const { done } = place.launch(place.command('create', '--bundle', bundle, id))
      const end = performance.now() + Math.random() * 30
      while (performance.now() < end);
      renameSync(rootfs, `${rootfs}-gone`)
      const { status, signal, stderr } = await done
      const exists = place.status(id) !== undefined
      const removal = place.oci('delete', '--force', id)
      rmSync(`${rootfs}-gone`, { recursive: true })
      return check(
        [status === 0 ? exists : !exists && SENTENCE.test(stderr), `${signal ?? status}: ${stderr}`],
        [removal.status === 0, `delete: ${removal.stderr}`],
      )
    },
  },
  {
    name: 'a root file system that is emptied before start: a sentence',
    run(place) {
      const { rootfs, id, bundle } = withRootfs(place)
      place.must('create', '--bundle', bundle, id)
      rmSync(join(rootfs, 'bin'), { recursive: true })
      const { status, stderr } = place.oci('start', id)
      const removal = place.oci('delete', '--force', id)
      rmSync(rootfs, { recursive: true, force: true })
      return check(
        [status === 1 && SENTENCE.test(stderr) && /sleep/.test(stderr), `${status}: ${stderr}`],
        [removal.status === 0, `delete: ${removal.stderr}`],
      )
    },
  },
  {
    name: 'a root file system, a bundle and a program that go while the container runs: exec says so, delete works',
    run(place) {
      const { rootfs, id, bundle } = withRootfs(place)
      place.must('create', '--bundle', bundle, id)
      place.must('start', id)
      rmSync(join(rootfs, 'bin'), { recursive: true })
      rmSync(bundle, { recursive: true })
      const exec = place.oci('exec', id, 'true')
      const status = place.status(id)
      const removal = place.oci('delete', '--force', id)
      rmSync(rootfs, { recursive: true, force: true })
      return check(
        [exec.status === 255 && SENTENCE.test(exec.stderr), `exec: ${exec.status} ${exec.stderr}`],
        [status === 'running', `is ${status}`],
        [removal.status === 0 && removal.stderr === '', `delete: ${removal.stderr}`],
      )
    },
  },
  {
    name: 'a state directory that goes while the container runs: nobody knows it, and its id is free',
    run(place) {
      const bundle = place.bundle()
      const id = place.id()
      place.must('create', '--bundle', bundle, id)
      place.must('start', id)
      const pid = place.pid(id)
      rmSync(join(place.state, id), { recursive: true })
      const state = place.oci('state', id)
      const removal = place.oci('delete', '--force', id)
      const gc = place.oci('gc', '--format', 'json')
      process.kill(pid, 'SIGKILL')
      sleep(100)
      const collected = place.oci('gc', '--force')
      return check(
        [state.status === 1 && /does not exist/.test(state.stderr), `state: ${state.stderr}`],
        [removal.status === 0, `delete: ${removal.stderr}`],
        [gc.stdout.includes(id), `gc does not tell of its cgroup: ${gc.stdout}`],
        [collected.status === 0, `gc --force: ${collected.stderr}`],
      )
    },
  },
  {
    name: 'no state directory at all: list says so, and create makes it',
    run(place) {
      const bundle = place.bundle()
      const id = place.id()
      const state = join(place.directory, place.id(), 'deep')
      const oci = (...words: string[]) => {
        const [program] = place.command()
        return place.run([program!, '--root', state, ...words])
      }
      const list = oci('list', '-q')
      const gone = oci('state', id)
      const created = oci('create', '--bundle', bundle, id)
      const removal = oci('delete', id)
      rmSync(join(state, '..'), { recursive: true, force: true })
      return check(
        [list.status === 1 && /there is no directory/.test(list.stderr), `list: ${list.stderr}`],
        [gone.status === 1 && /does not exist/.test(gone.stderr), `state: ${gone.stderr}`],
        [created.status === 0, `create: ${created.stderr}`],
        [removal.status === 0, `delete: ${removal.stderr}`],
      )
    },
  },
  {
    name: 'a state directory that can not be written any more: what is there can be started and killed',
    run(place) {
      const bundle = place.bundle()
      const id = place.id()
      const state = join(place.directory, place.id())
      const [program] = place.command()
      const oci = (...words: string[]) => place.run([program!, '--root', state, ...words])
      mkdirSync(state)
      must(['mount', '-t', 'tmpfs', 'load', state])
      try {
        const created = oci('create', '--bundle', bundle, id)
        must(['mount', '-o', 'remount,ro', state])
        const started = oci('start', id)
        const status = oci('state', id).stdout
        const again = oci('start', id)
        const killed = oci('kill', id, 'KILL')
        must(['mount', '-o', 'remount,rw', state])
        const removal = oci('delete', '--force', id)
        return check(
          [created.status === 0, `create: ${created.stderr}`],
          [started.status === 0, `start: ${started.stderr}`],
          [/"status": *"running"/.test(status), `is not running: ${status}`],
          [again.status === 1 && /already running/.test(again.stderr), `second start: ${again.status} ${again.stderr}`],
          [killed.status === 0, `kill: ${killed.stderr}`],
          [removal.status === 0 && removal.stderr === '', `delete: ${removal.stderr}`],
        )
      } finally {
        must(['umount', state])
        rmdirSync(state)
      }
    },
  },
  {
    name: 'a file where the state directory should be: a sentence',
    run(place) {
      const bundle = place.bundle()
      const file = join(place.directory, place.id())
      writeFileSync(file, '')
      const [program] = place.command()
      const { status, stderr } = place.run([program!, '--root', file, 'create', '--bundle', bundle, place.id()])
      rmSync(file)
      return check([status === 1 && SENTENCE.test(stderr), `${status}: ${stderr}`])
    },
  },
]

export const gone = casesPart('gone', 'root file systems, bundles and state directories that disappear', goneCases)

/** The command in a time namespace whose clocks are ahead. */
const ahead = (words: readonly string[]) => [
  'unshare',
  '--time',
  '--monotonic',
  '500000',
  '--boottime',
  '1000000',
  ...words,
]

const clockCases: readonly Case[] = [
  {
    name: 'a life in a time namespace whose clocks are days ahead',
    run(place) {
      const bundle = place.bundle()
      const id = place.id()
      // One namespace for all of them, as an engine that lives in one.
      const steps = [
        ['create', '--bundle', bundle, id],
        ['start', id],
        ['exec', id, 'true'],
        ['pause', id],
        ['resume', id],
        ['delete', '--force', id],
      ]
      const script = 'for words; do eval "$words" || exit 1; done'
      const lines = steps.map(words => place.command(...words).join(' '))
      const { status, stderr } = place.run(ahead(['sh', '-c', script, 'sh', ...lines]))
      return check([status === 0 && stderr === '', `${status}: ${stderr}`])
    },
  },
  {
    name: 'limits of time are not reached sooner by a clock that is ahead',
    run(place) {
      const bundle = place.bundle(config => {
        config.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '0.3'], timeout: 10 }] }
      })
      const id = place.id()
      const { status, stderr } = place.run(ahead(place.command('create', '--bundle', bundle, id)))
      place.oci('delete', '--force', id)
      return check([status === 0 && stderr === '', `${status}: ${stderr}`])
    },
  },
]

export const clocks = casesPart('clocks', 'clocks of a time namespace that are ahead', clockCases)
