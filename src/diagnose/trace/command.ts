import { EACCES, EISDIR, ENOENT, ENOTDIR, EROFS, errnoName } from '../../../native/abi/errno.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Host } from '../../../native/host.ts'
import { createKernel, type Kernel } from '../../../native/kernel.ts'
import { traced } from '../../../native/kernels/traced.ts'
import { doing, UsageError } from '../../errors.ts'
import { isRegular, openOutput } from '../../host/callersFiles.ts'
import type { Log } from '../../log/log.ts'
import type { Observer } from '../../runtime.ts'
import { chromeTrace } from './chrome.ts'
import { startClock } from './clock.ts'
import { tracedHost } from './host.ts'
import { Recorder } from './recorder.ts'
import { timeline } from './timeline.ts'

const hints: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  ENOENT: 'the directory is missing',
  ENOTDIR: 'a part of the path is no directory',
  EROFS: 'the file system is read-only',
}

const REFUSALS = [EACCES, EISDIR, ENOENT, ENOTDIR, EROFS]

/** What a command runs with when it is traced. */
export interface Traced {
  readonly host: Host
  readonly outside: Kernel<'outside'>
  readonly observer: Observer
}

/** Where a trace is wanted. */
export interface TraceRequest {
  /** The value of --trace. */
  readonly file: string | undefined
  /** The lines of a timeline go to the log at level debug. */
  readonly log: Log
  /** Is anybody there to read them? */
  readonly debug: boolean
}

/**
 * Does `work` and writes down what happened, also when it fails. A file that can not be made is an error before anything
 * is done: who asks for a trace wants it, and a command may not be there to be repeated. What goes wrong with the file
 * afterwards is a warning, since the work is done then.
 */
export async function traceCommand<T>(
  host: Host,
  kernel: Kernel<'outside'>,
  { file, log, debug }: TraceRequest,
  work: (traced: Traced) => Promise<T>,
): Promise<T> {
  const pid = kernel.getpid()
  const path = file === undefined ? undefined : makeFile(kernel, file, pid)
  const clock = startClock(host)
  const recorder = new Recorder(clock, ['tsrun', ...host.argv].join(' '))
  const outside = createKernel(traced(kernel, recorder.made, clock.now))
  let failure: unknown
  try {
    return await work({ host: tracedHost(host, recorder), outside, observer: recorder })
  } catch (error) {
    failure = error
    throw error
  } finally {
    const recording = recorder.recording(failure)
    if (path !== undefined) warning(log, () => save(kernel, path, chromeTrace(recording, pid)))
    if (debug) warning(log, () => log.debug(...timeline(recording)))
  }
}

/** The command is done, whatever becomes of its trace. */
function warning(log: Log, work: () => void): void {
  try {
    work()
  } catch (error) {
    log.warning(`--trace: ${error instanceof Error ? error.message : error}`)
  }
}

/** Makes the file, empty, and gives its path. In a directory, so that every command of an engine has its own: PID.json. */
function makeFile(kernel: Kernel<'outside'>, file: string, pid: number): string {
  const errno = tryToMake(kernel, file)
  if (errno === 0) return file
  const inside = `${file}/${pid}.json`
  const wrong = errno === EISDIR ? tryToMake(kernel, inside) : errno
  if (wrong === 0) return inside
  const code = errnoName(wrong)
  throw new UsageError(`--trace: \`${file}\` can not be written: ${code} (${hints[code] ?? 'choose another file'})`)
}

/** Makes it empty. Returns 0 or the errno. Errors: UsageError for a file that is a trap. */
function tryToMake(kernel: Kernel<'outside'>, path: string): number {
  using fd = doing('--trace', () => openOutput(kernel, path, 0o644, REFUSALS))
  if (!fd.exists) return -fd.number
  empty(kernel, fd)
  return 0
}

/** A terminal or a pipe can not be emptied. */
function empty(kernel: Kernel<'outside'>, fd: Fd<'outside'>): void {
  if (isRegular(kernel.statx(fd, '', 0, []).stat!.mode)) kernel.ftruncate(fd, 0)
}

function save(kernel: Kernel<'outside'>, path: string, text: string): void {
  using fd = openOutput(kernel, path)
  empty(kernel, fd)
  kernel.writeAll(fd, text)
}
