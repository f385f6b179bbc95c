// Hooks that are slow, dead, or do what they should not.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hook } from '../lib/config.ts'
import type { Result } from '../lib/run.ts'
import { type Case, casesPart, check } from './cases.ts'
import type { Place } from './place.ts'

/** Hooks of the host's namespaces, which see their state on stdin. */
function hookOf(place: Place, script: string): Hook {
  const path = join(place.directory, place.id())
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return { path, env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] }
}

function create(place: Place, kind: string, hook: Hook): { id: string; result: Result } {
  const bundle = place.bundle(config => {
    config.hooks = { [kind]: [hook] }
  })
  const id = place.id()
  return { id, result: place.oci('create', '--bundle', bundle, id) }
}

/** The create fails in one sentence with these words, and there is no container. */
function refusal(place: Place, kind: string, hook: Hook, words: RegExp): string[] {
  const { id, result } = create(place, kind, hook)
  return check(
    [
      result.status === 1 && /^tsrun: [^\n]+\n$/.test(result.stderr),
      `${result.signal ?? result.status}: ${result.stderr}`,
    ],
    [words.test(result.stderr), `does not say ${words}: ${result.stderr}`],
    [place.status(id) === undefined, 'there is a container'],
  )
}

const EARLY = ['prestart', 'createRuntime', 'createContainer']

/** The children of the runtime that has started the hook: its keeper first, then the container. */
const CHILDREN = 'set -- $(cat /proc/$PPID/task/$PPID/children)'

const cases: readonly Case[] = [
  ...EARLY.map(kind => ({
    name: `a slow ${kind} hook is ended by its timeout`,
    run: (place: Place) => refusal(place, kind, { ...hookOf(place, 'exec sleep 60'), timeout: 1 }, /timeout/),
  })),
  ...EARLY.map(kind => ({
    name: `a ${kind} hook that dies of a signal is a failure`,
    run: (place: Place) => refusal(place, kind, hookOf(place, 'kill -9 $$'), /hook #0/),
  })),
  ...EARLY.map(kind => ({
    name: `a ${kind} hook that is not there is a failure`,
    run: (place: Place) => refusal(place, kind, { path: '/nowhere/hook' }, /hook #0.*(ENOENT|exit code 127)/),
  })),
  {
    name: 'a hook that kills the keeper is a failure, and nothing stays',
    run: place => refusal(place, 'createRuntime', hookOf(place, `${CHILDREN}; kill -9 $1; sleep 0.1`), /./),
  },
  {
    name: 'a hook that kills the container is a failure',
    run: place =>
      refusal(place, 'createRuntime', hookOf(place, `${CHILDREN}; kill -9 $2; sleep 0.1`), /killed by signal 9/),
  },
  {
    name: 'a hook that kills the runtime leaves nothing',
    run(place) {
      const { id, result } = create(place, 'createRuntime', hookOf(place, 'kill -9 $PPID; sleep 0.1'))
      const left = place.left()
      return check(
        [result.signal === 'SIGKILL', `ends with ${result.status}`],
        [place.status(id) === undefined && left.length === 0, `there is ${left.join(', ')}`],
      )
    },
  },
  {
    name: 'a hook that does not read its state, and leaves somebody with its streams, holds nothing up',
    run(place) {
      const begin = Date.now()
      const { id, result } = create(place, 'createRuntime', hookOf(place, 'exec <&-; cd /; sleep 15 & exit 0'))
      const took = Date.now() - begin
      place.oci('delete', '--force', id)
      return check([result.status === 0, result.stderr], [took < 10_000, `took ${took} ms`])
    },
  },
  {
    name: 'a hook that prints without end is a failure that stays short',
    run(place) {
      const { result } = create(place, 'createRuntime', hookOf(place, 'yes | head -c 4000000; exit 3'))
      const { result: loud } = create(place, 'createRuntime', hookOf(place, 'yes | head -c 4000000 >&2; exit 3'))
      return check(
        [result.status === 1 && /exit code 3/.test(result.stderr), result.stderr.slice(0, 200)],
        [loud.status === 1 && loud.stderr.length < 10_000, `${loud.status}: ${loud.stderr.length} characters`],
      )
    },
  },
  {
    name: 'a poststart hook that dies stops the container',
    run(place) {
      const { id } = create(place, 'poststart', hookOf(place, 'kill -9 $$'))
      const { status, stderr } = place.oci('start', id)
      return check([status === 1 && /poststart hook #0/.test(stderr), `${status}: ${stderr}`])
    },
  },
  {
    name: 'a slow poststop hook is ended by its timeout, and the container is gone',
    run(place) {
      const { id } = create(place, 'poststop', { ...hookOf(place, 'exec sleep 60'), timeout: 1 })
      const { status, stderr } = place.oci('delete', id)
      return check([status === 0 && /timeout/.test(stderr), `${status}: ${stderr}`])
    },
  },
]

export const hooks = casesPart('hooks', 'slow and dead hooks, and hooks that kill', cases)
