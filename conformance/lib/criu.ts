// CRIU, which checkpoint and restore need. CRIU=PATH names another one than that in PATH: it depends on the kernel like
// nothing else, so a distribution's may be too old for the kernel that runs.

import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { field } from './machine.ts'
import { run } from './run.ts'

const wanted = process.env['CRIU']
if (wanted) process.env['PATH'] = `${resolve(dirname(wanted))}${delimiter}${process.env['PATH'] ?? ''}`

const directories = (process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(delimiter)

/** The program that a runtime finds; undefined when there is none. */
export const criu = directories.map(directory => join(directory, 'criu')).find(path => existsSync(path))

function check(...words: string[]): string | undefined {
  if (criu === undefined) return 'it is not installed'
  const { status, stdout, stderr } = run([criu, 'check', ...words])
  if (status === 0) return undefined
  return `${stdout}${stderr}`.split('\n').find(line => line.includes('Error')) ?? `exit code ${status}`
}

/** Why CRIU does not work on this kernel; undefined when it does. */
export const whyNot = check()
if (whyNot !== undefined) console.warn(`CRIU (${criu}) does not work here, so these cases are skipped: ${whyNot}`)

/** The 4.2 of `Version: 4.2.1`. */
const version = /Version: (\d+)\.(\d+)/.exec(criu === undefined ? '' : run([criu, '--version']).stdout)

export const criuMajor = Number(version?.[1] ?? 0)

/** Since Linux 6.16 SO_PASSCRED of what is no Unix socket is EOPNOTSUPP; CRIU before 4.2 gives up at that. */
export const savesConnections =
  isBefore(release().split('.'), [6, 16]) || !isBefore(version?.slice(1) ?? [0, 0], [4, 2])

function isBefore([major, minor]: readonly unknown[], [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  return Number(major) < wantedMajor || (Number(major) === wantedMajor && Number(minor) < wantedMinor)
}

/** Can it tell which memory has changed? Without that there are no pre-dumps. */
export const tracksMemory = whyNot === undefined && check('--feature', 'mem_dirty_track') === undefined

const CAP_SYS_RESOURCE = 24n

/** May it have pipes of 4 MiB, through which it serves the pages of --lazy-pages? */
function hasLargePipes(): boolean {
  const rights = BigInt(`0x${field(readFileSync('/proc/self/status', 'utf8'), 'CapEff')}`)
  const limit = Number(readFileSync('/proc/sys/fs/pipe-max-size', 'utf8'))
  return limit >= 4 << 20 || (rights >> CAP_SYS_RESOURCE) % 2n === 1n
}

/** Can the kernel have pages fetched when they are needed, and CRIU serve them? */
export const servesPages =
  whyNot === undefined && check('--feature', 'uffd-noncoop') === undefined ? hasLargePipes() : undefined
