// A command with a time limit, of which no process stays: not when it ends and not when it hangs.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'

/**
 * The first process of a process namespace: runs the command, buries orphans, and writes what else still runs to a file.
 * With it everything ends.
 */
const FIRST = `
left=$1; shift
"$@" < /dev/null
status=$?
for attempt in $(seq 30); do
  set -- /proc/[0-9]*
  [ $# -gt 1 ] || break
  sleep 0.1
done
for process; do
  [ "$process" = /proc/1 ] || tr '\\0' ' ' < "$process/cmdline" 2> /dev/null && echo
done > "$left"
exit $status`

export interface Isolated {
  /** The exit code, or null. */
  readonly status: number | null
  /** Its time was over. */
  readonly hung: boolean
  readonly output: string
  /** Processes that were there after its end, a line each. */
  readonly processes: readonly string[]
}

export interface Options {
  readonly cwd: string
  readonly env: Record<string, string | undefined>
  readonly seconds: number
  /** A path for a file that is gone afterwards. */
  readonly file: string
}

/** Runs a command in mount and process namespaces of its own. Ends it, too, when this process is ended. */
export function isolated(command: readonly string[], { cwd, env, seconds, file }: Options): Promise<Isolated> {
  const space = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--', 'sh', '-c', FIRST, 'sh']
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...space, file, ...command], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    child.kill('SIGKILL')
  }, seconds * 1000)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', status => {
      clearTimeout(timer)
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
      rmSync(file, { force: true })
      resolve({ status, hung, output, processes: lines.map(line => line.trim()).filter(line => line !== '') })
    })
  })
}
