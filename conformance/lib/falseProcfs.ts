// What a container with the right to mount puts in the place of its /proc, for who joins it to write a label there.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from './bundle.ts'
import { type Container, command } from './container.ts'
import { must } from './run.ts'

/** Files of another kind than those of procfs, all of which would take a label. */
export const FALSE_KINDS = ['touch', 'mkfifo', 'ln -s /taken'] as const

const DIRECTORIES = ['self/attr', 'thread-self/attr', '1/attr', 'self/task/1/attr']

/** Mounts it. The program of the container is not asked, since a policy may keep it from that. */
export function falsifyProcfs({ id }: Container, pid: number, make: (typeof FALSE_KINDS)[number]): void {
  const files = DIRECTORIES.flatMap(path => [`/proc/${path}`, `/proc/${path}/apparmor`])
  const script = `mount -t tmpfs ${id} /proc && : > /taken && chmod 666 /taken
    for d in ${files.join(' ')}; do mkdir -p $d; for f in current exec keycreate; do ${make} $d/$f; done; done`
  must(['nsenter', '-t', `${pid}`, '-m', 'sh', '-c', script])
}

/** The label of a program that `exec` starts, as the host's procfs has it, and what was written in the false one. */
export function execLabel({ id }: Container, pid: number): { label: string; taken: string } {
  const file = join(makeDirectory(), 'pid')
  const words = ['exec', '--detach', '--pid-file', file, id, 'sleep', '1000']
  must(['sh', '-c', 'exec timeout 60 "$@" < /dev/null > /dev/null 2>&1', 'sh', ...command(...words)])
  const label = readFileSync(`/proc/${readFileSync(file, 'utf8').trim()}/attr/current`, 'utf8')
  const regular = ['-type', 'f', '-size', '+0']
  const taken = must(['find', `/proc/${pid}/root/proc`, `/proc/${pid}/root/taken`, ...regular])
  return { label: label.replace(/[\0\n]+$/, ''), taken }
}
