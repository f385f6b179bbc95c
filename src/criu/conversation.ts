import { POLLIN, SOCK_SEQPACKET } from '../../native/abi/socket.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decodeMessage, encodeMessage } from './protobuf.ts'
import { type CriuRequest, type CriuResponse, REQUEST, request, response } from './rpc.ts'

/** More than the longest answer: an error message is one line. */
const ANSWER_SIZE = 1 << 16

/** CRIU tells how far it is, waits for an answer, and gives up when that says so. */
export interface Notice {
  /** `post-restore`, `orphan-pts-master`, ...; see action scripts in criu(8). */
  readonly script: string
  /** The first process, as the host numbers it, once there is one. */
  readonly pid: number | undefined
  /** What came with it: the master of a terminal. Closed when the notice is dealt with. */
  readonly descriptor: Fd<'outside'> | undefined
}

/** CRIU, as whoever started it reaches it. */
export interface Criu {
  /** Our end of the connection. */
  readonly line: Fd<'outside'>
  /** Its pidfd: others may have its end of the connection open, too, so that its death would not end that. */
  readonly pidfd: Fd<'outside'>
}

/** The two ends of a connection to `criu swrk`: ours, and the one that it is to be started with. */
export function openLine(
  outside: Kernel<'outside'>,
  fds: Fds,
): { readonly ours: Fd<'outside'>; readonly theirs: Fd<'outside'> } {
  const [ours, theirs] = outside.socketpair(SOCK_SEQPACKET)
  return { ours: fds.keep(ours), theirs: fds.keep(theirs) }
}

/**
 * Sends a request, deals with the notices, and gives the answer, which may be that it failed. What `notified` throws makes
 * CRIU give up and take everything back; then it is thrown here. `ending` are signals that end a wait for CRIU with a
 * Failure, see Kernel.poll.
 */
export function converse(
  outside: Kernel<'outside'>,
  criu: Criu,
  asked: CriuRequest,
  notified: (notice: Notice) => void = () => {},
  ending: () => readonly number[] = () => [],
): CriuResponse {
  let failure: { readonly error: unknown } | undefined
  tell(outside, criu, asked)
  for (;;) {
    const { answer, descriptor } = hear(outside, criu, ending())
    using _owner = descriptor
    if (answer?.type !== REQUEST.NOTIFY) {
      if (failure !== undefined) throw failure.error
      return answer ?? { success: false, cr_errmsg: 'it ended without an answer' }
    }
    try {
      if (failure === undefined) notified({ script: answer.notify?.script ?? '', pid: answer.notify?.pid, descriptor })
    } catch (error) {
      failure = { error }
    }
    tell(outside, criu, { type: REQUEST.NOTIFY, notify_success: failure === undefined })
  }
}

/** When CRIU is gone meanwhile, the next answer will say so. */
function tell(outside: Kernel<'outside'>, { line }: Criu, said: CriuRequest): void {
  outside.sendBytes(line, encodeMessage(request, said))
}

/** The next answer; undefined when CRIU is gone. */
function hear(
  outside: Kernel<'outside'>,
  criu: Criu,
  ending: readonly number[],
): { readonly answer: CriuResponse | undefined; readonly descriptor: Fd<'outside'> | undefined } {
  if (!awaitWord(outside, criu, ending)) return { answer: undefined, descriptor: undefined }
  const { bytes, descriptor } = outside.receiveMessage(criu.line, ANSWER_SIZE, 'answer of CRIU')
  return { answer: bytes.length === 0 ? undefined : decodeMessage(response, bytes), descriptor }
}

/** False when CRIU has ended and has said all that it had to say. */
function awaitWord(outside: Kernel<'outside'>, { line, pidfd }: Criu, ending: readonly number[]): boolean {
  for (;;) {
    const [word, end] = outside.poll(
      [line, pidfd].map(fd => ({ fd, events: POLLIN })),
      -1,
      ending,
    )
    if (word) return true
    if (end) return outside.poll([{ fd: line, events: POLLIN }], 0)[0] !== 0
  }
}
