import { CLOSE_RANGE_CLOEXEC, STDERR_FILENO } from '../native/abi/fcntl.ts'
import type { Host } from '../native/host.ts'
import { createKernel, type Kernel } from '../native/kernel.ts'
import { DirectCalls } from '../native/kernels/direct.ts'
import { whenSlow } from '../native/patience.ts'
import { encode } from '../native/utf8.ts'
import { commands, isCommand } from './cli/line/commands.ts'
import { logSettings, readGlobals } from './cli/line/globals.ts'
import type { CommandName } from './cli/line/options.ts'
import { noHelpTopic, parse, type Parsed } from './cli/line/parse.ts'
import { verbs } from './cli/verbs.ts'
import { doing, Failure, isErrno, UsageError } from './errors.ts'
import { openOutput } from './host/callersFiles.ts'
import { variable } from './host/environment.ts'
import { createLog, type Log, type TextOutput } from './log/log.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from './runtime.ts'

/**
 * The program: reads the command line of `host`, does what it says, and returns the exit code: of the container for
 * `run`, else 0 or 1. Failures are printed, none is thrown.
 */
export async function main(host: Host): Promise<number> {
  const kernel = once(() => createKernel(new DirectCalls(host)))
  const output = createOutput(kernel)
  const parsed = parse(host.argv)
  const log = createLog(output, logSettings(parsed.globals))
  try {
    if ('misuse' in parsed) throw parsed.misuse
    const code =
      (await inform(host, kernel, parsed, output)) ?? (await dispatch(host, closingOnExecve(kernel()), parsed, log))
    log.end()
    return code
  } catch (error) {
    log.error(await explained(kernel, error))
    return 'misuse' in parsed ? 1 : failureCode(parsed)
  }
}

/** What a denied call means is worked out when there is one. */
async function explained(kernel: () => Kernel<'outside'>, error: unknown): Promise<unknown> {
  if (!isErrno(error, 'ENOSYS', 'EPERM')) return error
  const { explainDenied } = await import('./host/denied.ts')
  return explainDenied(kernel(), error)
}

function failureCode({ command }: Parsed): number {
  return (command && commands[command].failure) ?? 1
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** What the caller left open goes to the container only where --preserve-fds says so, and to no hook. */
function closingOnExecve(kernel: Kernel<'outside'>): Kernel<'outside'> {
  kernel.closeRange(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC)
  return kernel
}

function createOutput(kernel: () => Kernel<'outside'>): TextOutput {
  return {
    append: (path, text) => append(kernel(), path, text),
    send: (socket, text) => sendDatagram(kernel(), socket, text),
    stdout: text => kernel().writeAll(1, text),
    stderr: text => ignoringFailure(() => kernel().writeAll(2, text)),
  }
}

function append(kernel: Kernel<'outside'>, path: string, text: string): void {
  using file = openOutput(kernel, path)
  kernel.writeAll(file, text)
}

function sendDatagram(kernel: Kernel<'outside'>, path: string, text: string): void {
  using socket = kernel.unixDatagramSocket()
  kernel.connectTo(socket, path, undefined, { hint: { ENOENT: 'nobody listens there; is the daemon running?' } })
  kernel.sendBytes(socket, encode(text))
}

/** stderr may be closed, or a pipe whose reader is gone: then there is nobody to tell, and the log file has the rest. */
function ignoringFailure(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
}

/** Answers what needs no runtime: --version, --help, `help`. Undefined when the line asks for something else. */
async function inform(
  host: Host,
  kernel: () => Kernel<'outside'>,
  parsed: Parsed,
  output: TextOutput,
): Promise<number | undefined> {
  const { command, globals, positionals } = parsed
  if (globals.version) {
    const { versionText } = await import('./cli/commands/looking/version.ts')
    output.stdout(versionText(host))
    return 0
  }
  const about = command === 'help' ? topic(positionals[0]) : command
  if (command !== 'help' && !globals.help && !globals.usage) return undefined
  const { helpText } = await import('./cli/line/usage.ts')
  const { paintFor, paintHelp } = await import('./cli/paint.ts')
  const env = (name: string) => variable(host.env, name)
  output.stdout(paintHelp(await helpText(about), paintFor({ outside: kernel(), env })))
  return 0
}

function topic(word: string | undefined): CommandName | undefined {
  if (word === undefined || isCommand(word)) return word
  throw new UsageError(`${noHelpTopic(word)} (see \`tsrun --help\`)`)
}

/**
 * Does what the command says. That something takes long is a warning for somebody at a terminal; what an engine finds on
 * stderr it takes for the container's, so there it is for those who ask for more.
 */
async function dispatch(host: Host, outside: Kernel<'outside'>, parsed: Parsed, log: Log): Promise<number> {
  const { trace, ...settings } = readGlobals(parsed.globals)
  const debug = logSettings(parsed.globals).level === 'debug'
  doing('--log', () => log.open())
  whenSlow(text => (outside.termios(STDERR_FILENO) ? log.warning : log.info)(text))
  const perform = (on: Host, options: RuntimeOptions) =>
    callVerb(createRuntime(on, { ...settings, ...options, inform: log.info, warn: log.warning }), parsed)
  if (trace === undefined && !debug) return perform(host, { outside })
  const { traceCommand } = await import('./diagnose/trace/command.ts')
  return traceCommand(host, outside, { file: trace, log, debug }, traced => perform(traced.host, traced))
}

async function callVerb(runtime: Runtime, { command, options, positionals }: Parsed): Promise<number> {
  const { verb } = await runtime.phase('load the command', () => verbs[command as keyof typeof verbs]())
  const code = await verb(runtime, options as never, positionals)
  return typeof code === 'number' ? code : 0
}
