// An unprivileged user with ranges of subordinate ids, for everything rootless.

import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Config } from './config.ts'
import { isRoot } from './machine.ts'
import { must, run } from './run.ts'
import { sceneDirectory } from './scene.ts'

export interface User {
  name: string
  uid: number
  gid: number
  home: string
  runtimeDirectory: string
  /** First subordinate id and their number. */
  subordinate: { first: number; count: number }
  /** The command as this user, with a clean environment. Works inside other wrappers. */
  wrap(words: readonly string[], env?: Record<string, string>): string[]
}

const NAME = 'tsrun-tester'
const FIRST = 600_000
const COUNT = 65_536

/** The account; made when missing, and then this gives true. */
function ensureAccount(): boolean {
  if (run(['id', NAME]).status === 0) return false
  must(['useradd', '--create-home', '--shell', '/bin/sh', '--user-group', NAME])
  return true
}

function ensureRanges(): void {
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const others = text.split('\n').filter(line => line !== '' && !line.startsWith(`${NAME}:`))
    writeFileSync(path, `${[...others, `${NAME}:${FIRST}:${COUNT}`].join('\n')}\n`)
  }
}

function removeAccount(): void {
  run(['userdel', '--remove', NAME])
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    if (!existsSync(path)) continue
    const kept = readFileSync(path, 'utf8')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith(`${NAME}:`))
    writeFileSync(path, kept.map(line => `${line}\n`).join(''))
  }
}

function describe(): User {
  const [, , uid, gid, , home] = must(['getent', 'passwd', NAME]).trim().split(':')
  const runtimeDirectory = `${sceneDirectory}/user`
  const base = {
    HOME: home!,
    USER: NAME,
    LOGNAME: NAME,
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    XDG_RUNTIME_DIR: runtimeDirectory,
  }
  return {
    name: NAME,
    uid: Number(uid),
    gid: Number(gid),
    home: home!,
    runtimeDirectory,
    subordinate: { first: FIRST, count: COUNT },
    wrap: (words, env = {}) => {
      const variables = Object.entries({ ...base, ...env }).map(([name, value]) => `${name}=${value}`)
      const ids = ['--reuid', uid!, '--regid', gid!, '--clear-groups']
      return ['env', '-i', '-C', home!, ...variables, 'setpriv', ...ids, '--inh-caps=-all', '--', ...words]
    },
  }
}

/** The unprivileged user for all tests of a file; gone afterwards if this file had to make it. */
export function withUser(): { current: User } {
  const holder = {} as { current: User }
  let made = false
  beforeAll(() => {
    if (!isRoot) return
    made = ensureAccount()
    ensureRanges()
    holder.current = describe()
    mkdirSync(holder.current.runtimeDirectory, { mode: 0o700 })
    chownSync(holder.current.runtimeDirectory, holder.current.uid, holder.current.gid)
  })
  afterAll(() => {
    if (!isRoot) return
    rmSync(holder.current.runtimeDirectory, { recursive: true, force: true })
    if (made) removeAccount()
  })
  return holder
}

/** What `spec --rootless` makes of the base configuration, for the user with these ids. */
export function makeRootless(config: Config, { uid, gid }: Pick<User, 'uid' | 'gid'>): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
  config.linux.namespaces.push({ type: 'user' })
  config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }]
  config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }]
  delete config.linux.resources
  for (const mount of config.mounts) mount.options = mount.options?.filter(option => option !== 'gid=5') ?? []
  const sys = config.mounts.find(mount => mount.destination === '/sys')!
  Object.assign(sys, { type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] })
}

/** Gives the directory of a bundle to the user. Returns a state root of his own in it. */
export function handOver({ uid, gid }: User, directory: string): string {
  must(['chown', '-hR', `${uid}:${gid}`, directory])
  const root = join(directory, 'state')
  mkdirSync(root, { mode: 0o700 })
  chownSync(root, uid, gid)
  return root
}

/** A user namespace whose ids are none of the host's users. */
export function addUserNamespace({ linux }: Config): void {
  linux.namespaces.push({ type: 'user' })
  linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
  linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }]
}
