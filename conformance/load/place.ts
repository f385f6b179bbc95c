// A place for load: bundles, a directory of containers, and a census of all that could stay behind.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { baseConfig, type Config } from '../lib/config.ts'
import { cgroup2Mount, hostMounts, isAlive } from '../lib/machine.ts'
import { makeRootfs } from '../lib/rootfs.ts'
import { PATIENCE, type Result, sleep } from '../lib/run.ts'
import { runtime } from '../lib/runtime.ts'

/** No command may take longer; one that does hangs. */
export const HANGS_MS = 20_000 * PATIENCE
/** What the kernel and the keeper may take to clear away. */
const CLEARING_MS = 5000 * PATIENCE

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** With the text of stderr. Null and SIGKILL after a time in which every command should have ended. */
  readonly done: Promise<Result>
}

export class Place implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'load-'))
  /** Everything that is made here has it in its name. */
  readonly tag = basename(this.directory)
  readonly state = join(this.directory, 'state')
  readonly rootfs = join(this.directory, 'rootfs')
  #count = 0

  constructor() {
    spawnSync('chmod', ['755', this.directory])
    mkdirSync(this.state)
    makeRootfs(this.rootfs)
  }

  /** A bundle on the root file system that all share. */
  bundle(change: (config: Config) => void = () => {}): string {
    const directory = join(this.directory, `bundle${this.#count++}`)
    const config = baseConfig(['sleep', '1000'])
    config.root.path = this.rootfs
    change(config)
    mkdirSync(directory)
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config))
    return directory
  }

  id(): string {
    return `${this.tag}-${this.#count++}`
  }

  command(...words: string[]): string[] {
    return [runtime.path, '--root', this.state, ...words]
  }

  /** One call of the runtime, to its end. */
  oci(...words: string[]): Result {
    return this.run(this.command(...words))
  }

  /** Output goes to files: a container may keep the streams. The working directory tells whose an executor is. */
  run(words: readonly string[], input?: string): Result {
    const [out, err] = ['out', 'err'].map(name => join(this.directory, name))
    const files = [openSync(out!, 'w'), openSync(err!, 'w')]
    try {
      const { status, signal } = spawnSync(words[0]!, words.slice(1), {
        cwd: this.directory,
        stdio: [input === undefined ? 'ignore' : 'pipe', ...files],
        ...(input !== undefined && { input }),
        timeout: HANGS_MS,
        killSignal: 'SIGKILL',
      })
      return { status, signal, stdout: readFileSync(out!, 'utf8'), stderr: readFileSync(err!, 'utf8') }
    } finally {
      for (const file of files) closeSync(file)
    }
  }

  /** One that must work, for what a try begins with. */
  must(...words: string[]): string {
    const { status, signal, stdout, stderr } = this.oci(...words)
    if (status !== 0) throw new Error(`${words.join(' ')}: ${signal ?? status}: ${stderr}`)
    return stdout
  }

  /** Starts a command, and returns as soon as its program is there. */
  launch(words: readonly string[]): Running {
    const err = join(this.directory, `err${this.#count++}`)
    const file = openSync(err, 'w')
    const child = spawn(words[0]!, words.slice(1), { cwd: this.directory, stdio: ['ignore', 'ignore', file] })
    closeSync(file)
    const timer = setTimeout(() => child.kill('SIGKILL'), HANGS_MS)
    const done = new Promise<Result>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (status, signal) => {
        clearTimeout(timer)
        const stderr = readFileSync(err, 'utf8')
        rmSync(err)
        resolve({ status, signal, stdout: '', stderr })
      })
    })
    return { child, pid: child.pid!, done }
  }

  /** The status of a container, or undefined when there is none. */
  status(id: string): string | undefined {
    const { status, stdout } = this.oci('state', id)
    return status === 0 ? (JSON.parse(stdout) as { status: string }).status : undefined
  }

  pid(id: string): number {
    return (JSON.parse(this.must('state', id)) as { pid: number }).pid
  }

  /** What there is of containers of this place, one line each. */
  census(): string[] {
    const { directory, tag } = this
    return [
      ...list(this.state).map(name => `state ${name}`),
      ...list(cgroup2Mount() ?? '/none')
        .filter(name => name.includes(tag))
        .map(name => `cgroup ${name}`),
      ...hostMounts()
        .filter(({ target }) => target.startsWith(`${directory}/rootfs`))
        .map(({ target }) => `mount ${target}`),
      ...list('/proc')
        .filter(name => /^\d+$/.test(name) && isExecutor(name, directory, tag))
        .map(pid => `process ${pid} ${attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? ''}`),
    ]
  }

  /** What is more than there was, once there was time to clear away. */
  left(before: readonly string[] = []): string[] {
    const look = () => this.census().filter(line => !before.includes(line))
    let left = look()
    for (const end = Date.now() + CLEARING_MS; left.length > 0 && Date.now() < end; left = look()) sleep(10)
    return left
  }

  /** Takes back by hand what a runtime has left, so that it is counted once. */
  clear(): void {
    for (const name of list(this.state)) {
      this.oci('delete', '--force', name)
      rmSync(join(this.state, name), { recursive: true, force: true })
    }
    const mount = cgroup2Mount() ?? '/none'
    for (const name of list(mount).filter(found => found.includes(this.tag))) {
      attempt(() => writeFileSync(`${mount}/${name}/cgroup.kill`, '1'))
      sleep(50)
      spawnSync('rmdir', [`${mount}/${name}`], { stdio: 'ignore' })
    }
  }

  [Symbol.dispose](): void {
    this.clear()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined // gone meanwhile
  }
}

function list(directory: string): string[] {
  return attempt(() => readdirSync(directory)) ?? []
}

/** A process of a runtime that works here, or of a container of this place. */
function isExecutor(pid: string, directory: string, tag: string): boolean {
  if (attempt(() => readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.includes(tag)) return isAlive(Number(pid))
  const isImage = attempt(() => readlinkSync(`/proc/${pid}/exe`))?.startsWith('/memfd:')
  return Boolean(isImage) && attempt(() => readlinkSync(`/proc/${pid}/cwd`)) === directory && isAlive(Number(pid))
}
