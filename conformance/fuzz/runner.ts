// Runs configurations on runtimes, side by side, in one place that is made once.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../lib/config.ts'
import { hostMounts } from '../lib/machine.ts'
import { makeRootfs } from '../lib/rootfs.ts'
import { must } from '../lib/run.ts'
import type { Host, Outcome } from './compare.ts'
import type { Sources } from './configs.ts'
import { parseProbe } from './probe.ts'

const TIMEOUT_MS = 20_000
const CGROUPS = '/sys/fs/cgroup'

export class Runner implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'fuzz-'))
  readonly sources: Sources = { directory: join(this.directory, 'source'), file: join(this.directory, 'source/file') }
  readonly host: Host = { namespaces: hostNamespaces() }
  #count = 0

  constructor() {
    chmodSync(this.directory, 0o755) // users of the host other than root are in there, too
  }

  /** Runs one configuration; `text` instead of it, when it is not to be JSON. */
  run(runtime: string, config: Config | string): Outcome {
    const bundle = join(this.directory, 'bundle')
    const id = `fuzz-${process.pid}-${this.#count++}`
    // A fresh root each time: runtimes make mount points in it.
    makeRootfs(join(bundle, 'rootfs'))
    symlinkSync('/tmp', join(bundle, 'rootfs/link'))
    const owner = typeof config === 'string' ? 0 : (config.linux.uidMappings?.[0]?.hostID ?? 0)
    if (owner !== 0) must(['chown', '-hR', `${owner}:${owner}`, join(bundle, 'rootfs')])
    writeFileSync(join(bundle, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
    this.#clear()
    this.#makeSources()
    try {
      const { status, stdout, stderr } = spawnSync(runtime, ['--root', this.#state, 'run', '--bundle', bundle, id], {
        input: '', // a pipe: crun 1.21 gives even the host's null device to the program's user
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        env: { PATH: process.env['PATH'], HOME: '/root' },
      })
      const seen = stdout.includes('@first') ? parseProbe(stdout) : undefined
      return { status: status ?? undefined, stderr, seen }
    } finally {
      removeTree(bundle)
    }
  }

  /** What is there of containers now and should not be: each of them is over. */
  leftovers(): string[] {
    const here = this.directory
    return [
      ...readdirSync(this.#state)
        .filter(name => !name.startsWith('.'))
        .map(name => `state ${name}`),
      ...ownCgroups().map(name => `cgroup ${name}`),
      ...hostMounts()
        .filter(({ target }) => target.startsWith(here))
        .map(({ target }) => `mount ${target}`),
      ...readdirSync('/proc')
        .filter(isExecutor)
        .map(pid => `process ${pid}`),
    ]
  }

  /** Fresh each time: a mount point that one runtime makes in them must not be there for the next one. */
  #makeSources(): void {
    rmSync(this.sources.directory, { recursive: true, force: true })
    mkdirSync(join(this.sources.directory, 'b'), { recursive: true })
    writeFileSync(this.sources.file, 'words\n')
  }

  /** Away with what a peer has left; crun forgets the cgroup of a create that failed. */
  #clear(): void {
    rmSync(this.#state, { recursive: true, force: true })
    for (const name of ownCgroups()) rmdirSync(join(CGROUPS, name))
  }

  get #state(): string {
    const state = join(this.directory, 'state')
    mkdirSync(state, { recursive: true })
    return state
  }

  [Symbol.dispose](): void {
    removeTree(this.directory)
  }
}

/** Never through a mount that somebody has left there: behind it may be the host's own files. */
function removeTree(path: string): void {
  const below = hostMounts().filter(({ target }) => target.startsWith(path))
  for (const { target } of below.reverse()) must(['umount', '--lazy', target])
  rmSync(path, { recursive: true, force: true })
}

function ownCgroups(): string[] {
  return readdirSync(CGROUPS).filter(name => name.startsWith(`fuzz-${process.pid}`))
}

function isExecutor(pid: string): boolean {
  try {
    return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`fuzz-${process.pid}-`)
  } catch {
    return false
  }
}

function hostNamespaces(): Record<string, string> {
  const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']
  return Object.fromEntries(names.map(name => [name, readlinkSync(`/proc/self/ns/${name}`)]))
}
