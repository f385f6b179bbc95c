import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import type { Fds } from '../../../native/fd.ts'
import type { Connection } from '../../dbus/connection.ts'
import { Failure, HostError } from '../../errors.ts'
import { type ControllerNeed, neededControllers, type ResourcePlan } from '../../plan/resources/resources.ts'
import type { ScopePlan } from '../../plan/systemd/scope.ts'
import type { Runtime } from '../../runtime.ts'
import { type CgroupSite, cgroupMount, killCgroup } from '../cgroup.ts'
import { handOnEverything, requireControllers } from '../controllers.ts'
import { connectToSystemd } from './connection.ts'
import { awaitStart, resetFailed, startScope, stopUnit } from './systemd.ts'

/** Finds systemd for a container that is to get its cgroup from it. Errors: HostError when systemd is not there. */
export function openScopeSite(runtime: Runtime, scope: ScopePlan, resources: ResourcePlan, fds: Fds): CgroupSite {
  const systemd = connectToSystemd(runtime)
  fds.keep(systemd.socket)
  return new ScopeSite(runtime, scope, neededControllers(resources), systemd)
}

/** Takes back what systemd has made for a container that failed with `error`. */
export function releaseScope(cgroup: CgroupSite | undefined, error: unknown): void {
  try {
    cgroup?.release?.()
  } catch (second) {
    if (error instanceof Failure && second instanceof Failure) error.cleanup.push(second)
  }
}

/**
 * The cgroup of a container that systemd makes: a scope, which exists from the moment when the first process is put into
 * it, and goes by itself when its last process is gone. So there is nothing for the keeper to remove: it kills what is in
 * the scope.
 */
class ScopeSite implements CgroupSite {
  readonly mount: string
  readonly owned = undefined
  readonly unit: string
  readonly #runtime: Runtime
  readonly #scope: ScopePlan
  readonly #needs: readonly ControllerNeed[]
  readonly #systemd: Connection
  /** What systemd does to start the scope: without it a unit of that name would be somebody else's. */
  #job: string | undefined
  /** The scope's own cgroup. */
  #root: string | undefined

  constructor(runtime: Runtime, scope: ScopePlan, needs: readonly ControllerNeed[], systemd: Connection) {
    const mount = cgroupMount(runtime.outside)
    if (mount === undefined) throw new HostError('cgroup version 2 is not mounted at /sys/fs/cgroup')
    this.mount = mount
    this.unit = scope.name
    this.#runtime = runtime
    this.#scope = scope
    this.#needs = needs
    this.#systemd = systemd
  }

  get path(): string {
    if (this.#root === undefined) throw new HostError(`\`${this.unit}\` is not started yet`)
    return below(this.#root, this.#scope.subgroup)
  }

  get leaf(): string {
    return below(this.path, this.#scope.delegate)
  }

  /** Has the first process put into the scope, and into the cgroups below it that are asked for. Returns the scope's. */
  readonly enterScope = (pid: number): string => {
    const { outside, rootless } = this.#runtime
    this.#job = startScope(this.#runtime, this.#systemd, this.#scope, pid)
    awaitStart(this.#systemd, this.unit, this.#job)
    const root = this.#cgroupOf(pid)
    this.#root = root
    if (this.leaf !== root) this.#descend(root, this.leaf, pid)
    // systemd enables the controllers that it knows; hugetlb and others are none of them.
    requireControllers(outside, { mount: this.mount, rootless }, above(this.path), this.#needs)
    return root
  }

  /** After a failure: nothing is left when it returns. */
  release(): void {
    if (this.#job === undefined) return
    if (this.#root !== undefined) killCgroup(this.#runtime.outside, this.#root)
    stopUnit(this.#systemd, this.unit)
  }

  /** Where systemd has put the process: only it knows where its own tree starts. */
  #cgroupOf(pid: number): string {
    const lines = this.#runtime.outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/cgroup`)?.split('\n') ?? []
    const path = lines.find(line => line.startsWith('0::'))?.slice('0::'.length)
    if (!path?.endsWith(`/${this.unit}`))
      throw new HostError(`process ${pid} is in cgroup \`${path}\` rather than in \`${this.unit}\``)
    return `${this.mount}${path}`
  }

  /** Makes the cgroups from below `root` to `leaf`, moves the process there, and hands the controllers down. */
  #descend(root: string, leaf: string, pid: number): void {
    const { outside } = this.#runtime
    const names = leaf.slice(root.length + 1).split('/')
    const paths = names.map((_, i) => [root, ...names.slice(0, i + 1)].join('/'))
    for (const path of paths) outside.mkdirat(AT_FDCWD, path, 0o755)
    outside.writeControl(AT_FDCWD, `${leaf}/cgroup.procs`, String(pid))
    for (const path of paths) handOnEverything(outside, above(path))
  }
}

function below(path: string, name: string | undefined): string {
  return name === undefined ? path : `${path}/${name}`
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/**
 * Stops the unit of a container without processes, so that its name is free when the command ends. systemd need not be
 * reachable: a scope without processes goes by itself. One whose cgroup is gone is not `active`; it may have failed, and is
 * forgotten then.
 */
export function removeScope(runtime: Runtime, unit: string, active: boolean): void {
  try {
    using systemd = connectToSystemd(runtime)
    if (active) stopUnit(systemd, unit)
    else resetFailed(systemd, unit)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    runtime.warn(`\`${unit}\` is left to systemd: ${error.message}`)
  }
}
