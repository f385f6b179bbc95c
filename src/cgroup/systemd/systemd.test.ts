import { expect, test } from 'vitest'
import { BusError, type MethodCall, type Connection } from '../../dbus/connection.ts'
import type { DBusMessage } from '../../dbus/message.ts'
import { planScope } from '../../plan/systemd/scope.ts'
import type { Runtime } from '../../runtime.ts'
import { awaitStart, setUnitProperties, startScope, stopUnit } from './systemd.ts'

type Answer = BusError | readonly string[]

/** systemd as it answers call after call; its jobs end with `result`. */
function scripted(answers: Answer[], result = 'done') {
  const calls: MethodCall[] = []
  const connection = {
    call(call: MethodCall) {
      calls.push(call)
      const answer = answers.shift()
      if (answer instanceof BusError) throw answer
      return answer ?? []
    },
    signal(wanted: (message: DBusMessage) => boolean) {
      const other = { type: 4, serial: 1, member: 'JobRemoved', body: [1, '/job/0', 'other.scope', 'failed'] }
      const ours = { type: 4, serial: 2, member: 'JobRemoved', body: [2, '/job/1', 'tsrun-web.scope', result] }
      return [other, ours].find(wanted)
    },
  }
  const warnings: string[] = []
  const runtime = { warn: (text: string) => warnings.push(text), outside: { sleep() {} } } as unknown as Runtime
  return { systemd: connection as unknown as Connection, runtime, calls, warnings }
}

const systemdError = (name: string, text = 'no') => new BusError('Method', `org.freedesktop.systemd1.${name}`, text)
const unknown = (property: string) =>
  new BusError(
    'Method',
    'org.freedesktop.DBus.Error.PropertyReadOnly',
    `Cannot set property ${property}, or unknown property.`,
  )

const scope = planScope({
  id: 'web',
  cgroupsPath: undefined,
  annotations: { 'org.systemd.property.TimeoutStopUSec': 'uint64 5' },
  devices: undefined,
  limits: [{ file: 'memory.zswap.max', value: '1', pointer: '' }],
  ofUser: false,
})

/** The names of the properties that a call asks for. */
const propertiesOf = (call: MethodCall) => (call.args![2] as [string][]).map(([name]) => name)

test('startScope() asks for the unit with the process in it and gives the job', () => {
  const { systemd, runtime, calls } = scripted([['/job/1']])
  expect(startScope(runtime, systemd, scope, 4711)).toBe('/job/1')
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject({ member: 'StartTransientUnit', signature: 'ssa(sv)a(sa(sv))' })
  expect(calls[0]!.args!.slice(0, 2)).toEqual(['tsrun-web.scope', 'fail'])
  expect(calls[0]!.args![2]).toContainEqual(['PIDs', { signature: 'au', value: [4711] }])
})

test('awaitStart() waits for the end of that job and no other', () => {
  expect(() => awaitStart(scripted([]).systemd, scope.name, '/job/1')).not.toThrow()
})

test.each(['failed', 'canceled', 'timeout', 'dependency'])('awaitStart() fails when the job ends as %s', result => {
  const { systemd } = scripted([], result)
  expect(() => awaitStart(systemd, scope.name, '/job/1')).toThrow(`systemd's job ended as ${result}`)
})

test('startScope() goes on without a limit that systemd does not know, with a warning', () => {
  const { systemd, runtime, calls, warnings } = scripted([unknown('MemoryZSwapMax'), ['/job/1']])
  startScope(runtime, systemd, scope, 1)
  expect(calls.map(call => propertiesOf(call).includes('MemoryZSwapMax'))).toEqual([true, false])
  expect(propertiesOf(calls[1]!)).toContain('PIDs')
  expect(warnings).toEqual([expect.stringContaining('MemoryZSwapMax')])
})

test('startScope() refuses an unknown property that an annotation asks for', () => {
  const { systemd, runtime, calls } = scripted([unknown('TimeoutStopUSec')])
  expect(() => startScope(runtime, systemd, scope, 1)).toThrow('no property TimeoutStopUSec')
  expect(calls).toHaveLength(1)
})

test('startScope() gives up on an error that it has no remedy for', () => {
  const { systemd, runtime, calls } = scripted([new BusError('StartTransientUnit', 'a.b.C', 'Access denied')])
  expect(() => startScope(runtime, systemd, scope, 1)).toThrow('StartTransientUnit: Access denied')
  expect(calls).toHaveLength(1)
})

test('startScope() has a failed unit of that name forgotten and tries again', () => {
  const { systemd, runtime, calls } = scripted([systemdError('UnitExists'), [], ['/job/1']])
  startScope(runtime, systemd, scope, 1)
  expect(calls.map(({ member }) => member)).toEqual(['StartTransientUnit', 'ResetFailedUnit', 'StartTransientUnit'])
})

test('startScope() leaves a unit of that name that goes on existing alone', () => {
  const answers = Array.from({ length: 20 }, (_, i) => systemdError(i % 2 === 0 ? 'UnitExists' : 'NoSuchUnit'))
  const { systemd, runtime, calls } = scripted(answers)
  expect(() => startScope(runtime, systemd, scope, 1)).toThrow('a unit of that name already')
  expect(calls.map(({ member }) => member)).not.toContain('StopUnit')
})

test('stopUnit() waits for the end of the job and has a failure forgotten', () => {
  const { systemd, calls } = scripted([['/job/1'], systemdError('NoSuchUnit')])
  stopUnit(systemd, 'tsrun-web.scope')
  expect(calls.map(({ member }) => member)).toEqual(['StopUnit', 'ResetFailedUnit'])
})

test('stopUnit() is content when there is no such unit', () => {
  const { systemd, calls } = scripted([systemdError('NoSuchUnit')])
  stopUnit(systemd, 'tsrun-web.scope')
  expect(calls).toHaveLength(1)
  expect(() => stopUnit(scripted([systemdError('Other')]).systemd, 'x.scope')).toThrow()
})

test('setUnitProperties() changes what systemd knows until the next boot', () => {
  const { systemd, calls, warnings } = scripted([unknown('MemoryZSwapMax'), []])
  const changes = [
    { name: 'MemoryMax', variant: { signature: 't', value: 5n } },
    { name: 'MemoryZSwapMax', variant: { signature: 't', value: 5n } },
  ]
  setUnitProperties(text => warnings.push(text), systemd, 'tsrun-web.scope', changes)
  expect(calls.map(({ member }) => member)).toEqual(['SetUnitProperties', 'SetUnitProperties'])
  expect(calls[1]!.args).toEqual(['tsrun-web.scope', true, [['MemoryMax', { signature: 't', value: 5n }]]])
  expect(warnings).toHaveLength(1)
})
