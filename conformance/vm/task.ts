// What a machine does: the script that it runs, made for a lane or for a command of the user's.

import { dirname } from 'node:path'
import { repository } from '../lib/repository.ts'
import { HOSTS, type Host, type Lane, topicsOf } from './lanes.ts'
import { SHARED } from './machine.ts'

/** For the shell: one word, whatever is in it. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** Of the caller's: how long tests wait, and another CRIU than the system's. */
const HANDED_ON = ['TSRUN_PATIENCE', 'CRIU']

/** Set for every task: tests may tell by TSRUN_VM where they are, and CI makes a missing tool a failure. */
function environment(lane: Lane): Record<string, string> {
  return {
    PATH: `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: '/root',
    USER: 'root',
    LANG: 'C.UTF-8',
    TERM: process.env['TERM'] ?? 'dumb',
    SYSTEMD_PAGER: 'cat',
    TSRUN_VM: lane.name,
    ...Object.fromEntries(HANDED_ON.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : []))),
  }
}

/** A task: these lines, and where their exit code is to be found. */
function task(lane: Lane, lines: readonly string[]): string {
  const exports = Object.entries(environment(lane)).map(([name, value]) => `export ${name}=${quoted(value)}`)
  return [...exports, `trap 'echo $? > ${SHARED}/code' EXIT`, `cd ${quoted(repository)}`, ...lines, ''].join('\n')
}

/** The files of the results of vitest and of its figures, in the shared directory. */
export const vitestResult = (host: Host) => `${host}.json`
export const figuresResult = (host: Host) => `${host}.figures`

function vitest(host: Host, files: readonly string[]): string {
  if (files.length === 0) return '' // it would run all
  const config = ['--config', 'conformance/vm/vitest.config.ts']
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${SHARED}/${vitestResult(host)}`]
  const words = ['node', 'node_modules/vitest/vitest.mjs', 'run', ...config, ...reporters, ...files]
  return `TSRUN_FIGURES=${SHARED}/${figuresResult(host)} TSRUN_HOST=${host} ${words.map(quoted).join(' ')}`
}

/** All tests of a lane. */
export function testTask(lane: Lane): string {
  const paths = (host: Host) => topicsOf(lane, host).map(({ file }) => `conformance/${file}`)
  return task(lane, ['export CI=true TERM=dumb NO_COLOR=1', ...HOSTS.map(host => vitest(host, paths(host)))])
}

/** A command of the user's, on the terminal. */
export function commandTask(lane: Lane, words: readonly string[]): string {
  const size = [process.stdout.rows ?? 24, process.stdout.columns ?? 80]
  return task(lane, [
    `stty rows ${size[0]} cols ${size[1]}`,
    words.length === 1 ? words[0]! : words.map(quoted).join(' '),
  ])
}
