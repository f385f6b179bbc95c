import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNodeHost } from '../../native/hosts/node.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { BusError, Connection } from './connection.ts'
import { ERROR, encodeMessage, METHOD_RETURN, SIGNAL } from './message.ts'

const outside = createKernel(new DirectCalls(createNodeHost([])))
const BUS = { path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' }
const WELCOME = 'DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n'
const PING = { path: '/', interface: 'a.b', member: 'Ping' }

let directory: string
const helpers: (Worker | ChildProcess)[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dbus-'))
})

afterEach(async () => {
  for (const helper of helpers.splice(0)) await (helper instanceof Worker ? helper.terminate() : helper.kill())
  rmSync(directory, { recursive: true })
})

function waitFor(path: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (let i = 0; i < 200 && !existsSync(path); i++) Atomics.wait(pause, 0, 0, 25)
}

/**
 * A server that sends the answers one by one, each as soon as something came, in pieces of `piece` bytes; an undefined
 * answer hangs up.
 */
const SERVER = `
const { createServer } = require('node:net')
const { renameSync } = require('node:fs')
const { workerData: { path, answers, piece } } = require('node:worker_threads')
createServer(socket => {
  socket.on('error', () => {})
  socket.on('data', () => {
    const answer = answers.shift()
    if (answer === undefined) return socket.destroy()
    socket.setNoDelay()
    let at = 0
    const next = () => {
      if (at >= answer.length) return
      socket.write(answer.slice(at, at + piece))
      at += piece
      setTimeout(next, 1)
    }
    next()
  })
}).listen(path + '.new', () => renameSync(path + '.new', path)) // there is a socket before anybody listens
`

function serve(...answers: (string | Uint8Array)[]): string {
  const path = join(directory, 'bus')
  const bytes = answers.map(answer => Uint8Array.from(Buffer.from(answer as string)))
  helpers.push(new Worker(SERVER, { eval: true, workerData: { path, answers: bytes, piece: 50 } }))
  waitFor(path)
  return path
}

const reply = (replySerial: number, text: string) =>
  encodeMessage({ type: METHOD_RETURN, serial: 1, replySerial, signature: 's', body: [text] })
const signal = (member: string) =>
  encodeMessage({ type: SIGNAL, serial: 2, path: '/', interface: 'a.b', member, body: [] })
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap(part => [...part]))

test('a call gets its reply, however it is cut into pieces', () => {
  using connection = Connection.open(outside, serve(WELCOME, reply(1, 'a'.repeat(300))), undefined)!
  expect(connection.call(PING)).toEqual(['a'.repeat(300)])
})

test('a signal that comes before the reply is not lost', () => {
  const path = serve(WELCOME, joined(signal('Other'), signal('Done'), reply(1, 'x')))
  using connection = Connection.open(outside, path, undefined)!
  expect(connection.call(PING)).toEqual(['x'])
  expect(connection.signal(({ member }) => member === 'Done', 1000, 'the signal')).toMatchObject({ member: 'Done' })
})

test('the answer to another call is passed over', () => {
  using connection = Connection.open(outside, serve(WELCOME, joined(reply(77, 'no'), reply(1, 'yes'))), undefined)!
  expect(connection.call(PING)).toEqual(['yes'])
})

test('an error has its name and text', () => {
  const body = { signature: 's', body: ['no such unit'] }
  const error = encodeMessage({ type: ERROR, serial: 1, replySerial: 1, errorName: 'a.b.Bad', ...body })
  using connection = Connection.open(outside, serve(WELCOME, error), undefined)!
  expect(() => connection.call(PING)).toThrow(
    expect.objectContaining({ errorName: 'a.b.Bad', text: 'no such unit', message: 'Ping: no such unit' }),
  )
})

test('a signal that never comes is said to be missing', () => {
  using connection = Connection.open(outside, serve(WELCOME, reply(1, 'x')), undefined)!
  connection.call(PING)
  expect(() => connection.signal(() => true, 50, 'systemd to start it')).toThrow(
    'waited in vain for systemd to start it',
  )
})

test('a server that hangs up in a conversation is an error', () => {
  using connection = Connection.open(outside, serve(WELCOME), undefined)!
  expect(() => connection.call(PING)).toThrow('the connection was closed')
})

test('a server that hangs up at once, or is not there, is as good as none', () => {
  expect(Connection.open(outside, serve(), undefined)).toBeUndefined()
  expect(Connection.open(outside, join(directory, 'nothing'), undefined)).toBeUndefined()
})

test('a server that refuses us is as good as none', () => {
  expect(Connection.open(outside, serve('REJECTED EXTERNAL\r\n'), undefined)).toBeUndefined()
})

test('a server that speaks something else is an error', () => {
  using connection = Connection.open(outside, serve(WELCOME, 'HTTP/1.1 400 Bad Request\r\n'), undefined)!
  expect(() => connection.call(PING)).toThrow('not a D-Bus message')
})

const daemon = '/usr/bin/dbus-daemon'
if (!existsSync(daemon) && process.env['CI']) throw new Error('dbus-daemon is missing: install it, or run without CI')

describe.skipIf(!existsSync(daemon))('with the daemon of the reference implementation', () => {
  function bus(address: string): void {
    const config = join(directory, 'config')
    writeFileSync(
      config,
      `<busconfig><type>session</type><listen>${address}</listen><auth>EXTERNAL</auth>
      <policy context="default"><allow send_destination="*"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/><allow own="*"/></policy></busconfig>`,
    )
    const child = spawn(daemon, [`--config-file=${config}`, '--nofork', '--print-pid'], { stdio: 'ignore' })
    helpers.push(child)
  }

  /** A socket is there a moment before somebody listens. */
  function openSoon(path: string, destination: string): Connection {
    for (let i = 0; i < 200; i++) {
      const connection = Connection.open(outside, path, destination)
      if (connection !== undefined) return connection
      outside.sleep(25)
    }
    throw new Error('the daemon does not answer')
  }

  function onBus(destination: string): Connection {
    const path = join(directory, 'real')
    bus(`unix:path=${path}`)
    return openSoon(path, destination)
  }

  test('calls of several types are understood, and so are the answers', () => {
    using connection = onBus('org.freedesktop.DBus')
    expect(connection.call({ ...BUS, member: 'RequestName', signature: 'su', args: ['a.b', 4] })).toEqual([1])
    expect(connection.call({ ...BUS, member: 'ListNames' })[0]).toEqual(expect.arrayContaining(['a.b']))
    const [owned] = connection.call({ ...BUS, member: 'NameHasOwner', signature: 's', args: ['a.b'] })
    expect(owned).toBe(true)
    const [uid] = connection.call({ ...BUS, member: 'GetConnectionUnixUser', signature: 's', args: ['a.b'] })
    expect(uid).toBe(process.getuid!())
  })

  test('its signals arrive, also after calls that want no answer', () => {
    using connection = onBus('org.freedesktop.DBus')
    connection.tell({ ...BUS, member: 'RequestName', signature: 'su', args: ['a.b', 4] })
    const { body } = connection.signal(({ member }) => member === 'NameAcquired', 5000, 'the name')
    expect(body[0]).toMatch(/^:/)
    expect(connection.signal(({ body }) => body[0] === 'a.b', 5000, 'the name').member).toBe('NameAcquired')
  })

  test('its errors are told', () => {
    using connection = onBus('not.there')
    expect(() => connection.call(PING)).toThrow(BusError)
    expect(() => connection.call({ ...BUS, member: 'NoSuchMethod' })).toThrow(
      expect.objectContaining({ errorName: 'org.freedesktop.DBus.Error.UnknownMethod' }),
    )
  })

  test('an abstract name is found', () => {
    const name = `tsrun-${process.pid}`
    bus(`unix:abstract=${name}`)
    using connection = openSoon(`\0${name}`, 'org.freedesktop.DBus')
    expect(connection.call({ ...BUS, member: 'GetId' })).toHaveLength(1)
  })
})
