import { BusError, type Connection } from '../../dbus/connection.ts'
import type { DBusMessage } from '../../dbus/message.ts'
import { ConfigError, doing, HostError } from '../../errors.ts'
import type { Property } from '../../plan/systemd/property.ts'
import type { ScopePlan } from '../../plan/systemd/scope.ts'
import type { Runtime, Warn } from '../../runtime.ts'

export const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` }
/** How long systemd may take to start or stop a unit. */
const JOB_MS = 30_000
/** A unit that is going away blocks its name for a moment. */
const START_TRIES = 5
const START_PAUSE_MS = 20

/**
 * Has systemd start a scope with one process in it; returns the job, for awaitStart. A limit that this systemd does not
 * know is left out with a warning: the cgroup's files get it anyway. Errors: ConfigError for an unknown property that an
 * annotation asks for; HostError when the unit exists. See StartTransientUnit in org.freedesktop.systemd1(5).
 */
export function startScope(runtime: Runtime, systemd: Connection, scope: ScopePlan, pid: number): string {
  const pids: Property = { name: 'PIDs', variant: { signature: 'au', value: [pid] } }
  const [job] = doing(`start \`${scope.name}\``, () =>
    withKnown(runtime.warn, [...scope.properties, pids], properties =>
      onceFree(runtime, systemd, scope.name, () =>
        systemd.call({
          ...MANAGER,
          member: 'StartTransientUnit',
          signature: 'ssa(sv)a(sa(sv))',
          args: [scope.name, 'fail', wire(properties), []],
        }),
      ),
    ),
  )
  return job as string
}

/** Waits until a unit is started. Errors: HostError when it does not start, or not in time. */
export function awaitStart(systemd: Connection, name: string, job: string): void {
  doing(`start \`${name}\``, () => {
    const result = awaitJob(systemd, job, `systemd to start \`${name}\``)
    if (result !== 'done') throw new HostError(`systemd's job ended as ${result}; its journal tells why`)
  })
}

/** Stops a unit, waits until it is stopped, and has its failure forgotten. A unit that is not there is fine. */
export function stopUnit(systemd: Connection, name: string): void {
  doing(`stop \`${name}\``, () => {
    const reply = unlessGone(() =>
      systemd.call({ ...MANAGER, member: 'StopUnit', signature: 'ss', args: [name, 'replace'] }),
    )
    if (reply === undefined) return
    awaitJob(systemd, reply[0] as string, `systemd to stop \`${name}\``)
    resetFailed(systemd, name)
  })
}

/** Changes properties of a unit until the next boot. What this systemd does not know is left out with a warning. */
export function setUnitProperties(warn: Warn, systemd: Connection, name: string, changes: readonly Property[]): void {
  doing(`set properties of \`${name}\``, () =>
    withKnown(warn, changes, properties =>
      systemd.call({
        ...MANAGER,
        member: 'SetUnitProperties',
        signature: 'sba(sv)',
        args: [name, true, wire(properties)],
      }),
    ),
  )
}

function wire(properties: readonly Property[]) {
  return properties.map(({ name, variant }) => [name, variant] as const)
}

/** Makes the call again without each property that systemd says it does not know. */
function withKnown<T>(warn: Warn, properties: readonly Property[], call: (properties: readonly Property[]) => T): T {
  let known = properties
  for (;;) {
    try {
      return call(known)
    } catch (error) {
      const name = unknownProperty(error)
      const unknown = known.find(property => property.name === name)
      if (unknown === undefined) throw error
      if (unknown.asked) throw new ConfigError(`this systemd has no property ${name}`, '/annotations')
      warn(`this systemd has no property ${name}, which is left out of the unit`)
      known = known.filter(property => property !== unknown)
    }
  }
}

/** Only the text says which it is. */
function unknownProperty(error: unknown): string | undefined {
  return error instanceof BusError ? /^Cannot set property (\w+), or unknown/.exec(error.text)?.[1] : undefined
}

/** A failed unit of that name, left by a container before, is made to be forgotten. */
function onceFree<T>(runtime: Runtime, systemd: Connection, name: string, start: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return start()
    } catch (error) {
      if (!isNamed(error, 'UnitExists')) throw error
      if (tries === START_TRIES)
        throw new HostError('systemd has a unit of that name already; choose another id or linux.cgroupsPath')
      resetFailed(systemd, name)
      runtime.outside.sleep(START_PAUSE_MS)
    }
  }
}

/** Has systemd forget a unit that has failed. One that is active, or not there, is left as it is. */
export function resetFailed(systemd: Connection, name: string): void {
  unlessGone(() => systemd.call({ ...MANAGER, member: 'ResetFailedUnit', signature: 's', args: [name] }))
}

/** Undefined when the unit is not there. */
function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (isNamed(error, 'NoSuchUnit')) return undefined
    throw error
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof BusError && error.errorName === `${SYSTEMD}.${name}`
}

/** `done`, or what became of the job instead: canceled, timeout, failed, dependency, skipped. */
function awaitJob(systemd: Connection, job: string, what: string): string {
  const isEnd = ({ member, body }: DBusMessage) => member === 'JobRemoved' && body[1] === job
  return systemd.signal(isEnd, JOB_MS, what).body[3] as string
}
