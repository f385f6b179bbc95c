import { EACCES, ECONNREFUSED, ECONNRESET, ENOENT, ENOTDIR, EPERM, EPIPE } from '../../native/abi/errno.ts'
import { MSG_NOSIGNAL, POLLIN } from '../../native/abi/socket.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Failure, HostError } from '../errors.ts'
import {
  decodeMessage,
  ERROR,
  encodeMessage,
  METHOD_CALL,
  METHOD_RETURN,
  type DBusMessage,
  messageLength,
  NO_REPLY_EXPECTED,
  SIGNAL,
} from './message.ts'
import type { DBusValue } from './signature.ts'

/** How long the other side may take for the handshake or an answer. */
const ANSWER_MS = 30_000
const READ_SIZE = 1 << 16

/** A method to call. */
export interface MethodCall {
  readonly path: string
  readonly interface: string
  readonly member: string
  /** Types of the arguments. */
  readonly signature?: string
  readonly args?: readonly DBusValue[]
}

/** What a method answered instead of a result. */
export class BusError extends Failure {
  override readonly kind = 'host'
  /** `org.freedesktop.DBus.Error.InvalidArgs`. */
  readonly errorName: string
  /** The sentence that came with it. */
  readonly text: string

  constructor(member: string, errorName: string, text: string) {
    super(`${member}: ${text || errorName}`)
    this.errorName = errorName
    this.text = text
  }
}

/**
 * A connection to a message bus, or to a program that speaks D-Bus on a socket of its own. It is for one conversation,
 * made step by step: whoever waits blocks the process.
 */
export class Connection {
  readonly #outside: Kernel<'outside'>
  readonly socket: Fd<'outside'>
  readonly #destination: string | undefined
  #serial = 0
  #received: Uint8Array<ArrayBufferLike> = new Uint8Array(0)
  /** It was told once that this takes long. */
  #told = false
  /** Signals that came while an answer was awaited. */
  #signals: DBusMessage[] = []

  private constructor(outside: Kernel<'outside'>, socket: Fd<'outside'>, destination: string | undefined) {
    this.#outside = outside
    this.socket = socket
    this.#destination = destination
  }

  /**
   * Connects to the socket at `path` (a leading NUL is for an abstract name) and says who we are. `destination` is whom
   * calls are for on a bus; undefined when the socket is that program's own. Returns undefined when nobody is there, or
   * nobody for us; throws a Failure when the other side does not speak D-Bus.
   */
  static open(outside: Kernel<'outside'>, path: string, destination: string | undefined): Connection | undefined {
    const socket = outside.unixSocket()
    if (!outside.connectTo(socket, path, [ENOENT, ENOTDIR, ECONNREFUSED, EACCES, EPERM])) {
      socket.close()
      return undefined
    }
    const connection = new Connection(outside, socket, destination)
    try {
      if (connection.#authenticate()) {
        if (destination !== undefined) connection.call(HELLO)
        return connection
      }
    } catch (error) {
      connection[Symbol.dispose]()
      throw error
    }
    connection[Symbol.dispose]()
    return undefined
  }

  /**
   * SASL's EXTERNAL mechanism. The identity is left empty: then it is that of our credentials as the other side sees
   * them, which in a user namespace we don't know. False when it hangs up on us or refuses.
   */
  #authenticate(): boolean {
    const deadline = this.#deadline(ANSWER_MS)
    this.#send(encode('\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n'))
    for (;;) {
      const end = this.#received.indexOf(0x0a)
      if (end >= 0) {
        const line = decode(this.#received.subarray(0, end))
        this.#received = this.#received.slice(end + 1)
        if (line.startsWith('OK')) return true
        if (!line.startsWith('DATA')) return false
      } else if (!this.#receive(deadline)) return false
    }
  }

  /** Calls a method and gives the values of its reply. Throws a BusError for an error. */
  call(call: MethodCall): readonly DBusValue[] {
    const serial = this.#post(call, 0)
    const isReply = ({ type, replySerial }: DBusMessage) =>
      (type === METHOD_RETURN || type === ERROR) && replySerial === serial
    const reply = this.#await(isReply, ANSWER_MS, `an answer to ${call.member}`)
    if (reply.type !== ERROR) return reply.body
    const [text] = reply.body
    throw new BusError(call.member, reply.errorName ?? 'an error', typeof text === 'string' ? text : '')
  }

  /** Calls a method whose reply nobody needs. */
  tell(call: MethodCall): void {
    this.#post(call, NO_REPLY_EXPECTED)
  }

  /** Waits for a signal, which may have come already. `what` is for the message when there is none in time. */
  signal(wanted: (signal: DBusMessage) => boolean, timeoutMs: number, what: string): DBusMessage {
    const early = this.#signals.findIndex(wanted)
    if (early >= 0) return this.#signals.splice(early, 1)[0]!
    return this.#await(message => message.type === SIGNAL && wanted(message), timeoutMs, what)
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }

  #post({ path, member, signature = '', args = [], interface: name }: MethodCall, flags: number): number {
    this.#serial++
    // The bus itself has a name like its interface's.
    const destination = name === BUS ? BUS : this.#destination
    const to = destination === undefined ? {} : { destination }
    const message = { type: METHOD_CALL, flags, serial: this.#serial, path, interface: name, member, signature, ...to }
    if (!this.#send(encodeMessage({ ...message, body: args }))) throw hungUp()
    return this.#serial
  }

  #await(wanted: (message: DBusMessage) => boolean, timeoutMs: number, what: string): DBusMessage {
    const deadline = this.#deadline(timeoutMs)
    for (;;) {
      const message = this.#next()
      if (message !== undefined) {
        if (wanted(message)) return message
        if (message.type === SIGNAL) this.#signals.push(message)
      } else if (!this.#receive(deadline, what)) throw hungUp()
    }
  }

  /** A message of those that have arrived. */
  #next(): DBusMessage | undefined {
    const length = messageLength(this.#received)
    if (length === undefined || length > this.#received.length) return undefined
    const message = decodeMessage(this.#received.slice(0, length))
    this.#received = this.#received.slice(length)
    return message
  }

  #deadline(timeoutMs: number): number {
    return this.#outside.clock(CLOCK_MONOTONIC) / 1e6 + timeoutMs
  }

  /** Takes in what comes. False when the other side has hung up. */
  #receive(deadline: number, what = 'an answer'): boolean {
    const left = deadline - this.#outside.clock(CLOCK_MONOTONIC) / 1e6
    if (left <= 0) throw new HostError(`waited in vain for ${what}`)
    const slow = () => {
      if (!this.#told) tellSlow(`waiting for ${what}`)
      this.#told = true
    }
    const [events = 0] = pollPatiently(this.#outside, [{ fd: this.socket, events: POLLIN }], Math.ceil(left), slow)
    if (events === 0) return true
    const bytes = this.#outside.read(this.socket, READ_SIZE, [ECONNRESET])
    if (bytes.length === 0) return false
    const all = new Uint8Array(this.#received.length + bytes.length)
    all.set(this.#received)
    all.set(bytes, this.#received.length)
    this.#received = all
    return true
  }

  /** False when the other side has hung up. */
  #send(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at)
      const args = [this.socket, piece, piece.length, MSG_NOSIGNAL, null, 0]
      const sent = this.#outside.now({ name: 'sendto', args, tolerate: [EPIPE, ECONNRESET] })
      if (sent < 0) return false
      at += sent
    }
    return true
  }
}

const BUS = 'org.freedesktop.DBus'
/** The bus gives us a name; it takes no other call before. */
const HELLO: MethodCall = { path: '/org/freedesktop/DBus', interface: BUS, member: 'Hello' }

function hungUp(): Failure {
  return new HostError('the connection was closed')
}
