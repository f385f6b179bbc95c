import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { createExecutorHost, type ExecutorHost } from '../../testing/executorHost.ts'
import { EEXIST, ELOOP, ENOENT } from '../abi/errno.ts'
import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  MFD_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../abi/fcntl.ts'
import { SIGKILL, SIGTERM } from '../abi/signal.ts'
import { S_IFDIR, S_IFREG } from '../abi/stat.ts'
import { modeOf } from '../calls/file.ts'
import { doing, Failure, KernelError } from '../failure.ts'
import { Fd } from '../fd.ts'
import type { Call } from '../kernels/machine.ts'
import { Out } from '../struct.ts'
import { type Executor, launchExecutor } from './launch.ts'
import { ARENA_ADDRESS } from './protocol.ts'

const linux = process.platform === 'linux'
const { host, outside, emulated = false }: Partial<ExecutorHost> = linux ? createExecutorHost() : {}

const started: Executor[] = []

/** An executor that is gone after the test. */
function launch(...passed: Fd[]): Executor {
  const executor = launchExecutor(host!, outside!, { passed })
  started.push(executor)
  return executor
}

afterEach(() => {
  for (const executor of started.splice(0)) {
    executor.release()
    outside!.wait(executor.pid, 0, 'any')
  }
})

function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** A field of /proc/PID/status. */
function status(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)![1]!
}

test.runIf(linux)('a call is made by the executor, not by us', () => {
  const { kernel, pid } = launch()
  expect(kernel.getpid()).toBe(pid)
  expect(pid).not.toBe(process.pid)
})

test.runIf(linux)('a failure is thrown with the phrases of the moment when the call was asked for', () => {
  const { kernel } = launch()
  doing('create `web`', () => doing('mount `/proc`', () => kernel.mkdirat(AT_FDCWD, '/missing/directory', 0o755)))
  const error = thrown(() => doing('something else', () => kernel.flush())) as KernelError
  expect(error).toBeInstanceOf(KernelError)
  expect(error.message).toBe('create `web`: mount `/proc`: mkdirat `/missing/directory`: ENOENT')
  expect(error.phrases).toEqual(['create `web`', 'mount `/proc`'])
})

test.runIf(linux)('calls are put off until somebody needs a result', () => {
  const { kernel } = launch()
  const fd = kernel.openat(AT_FDCWD, '/proc/self', O_PATH | O_DIRECTORY)
  const missing = kernel.openat(AT_FDCWD, '/missing', O_RDONLY, 0, [ENOENT])
  expect(fd.result.known).toBeUndefined()
  expect(missing.exists).toBe(false)
  expect(fd.result.known).toBe(fd.number)
})

test.runIf(linux)('what comes after a failed call is not done', () => {
  const { kernel } = launch()
  using fd = outside!.memfdCreate('log', MFD_CLOEXEC)
  const { kernel: writer, passed } = launch(fd)
  writer.later({ name: 'chdir', args: ['/missing'] })
  writer.later({ name: 'write', args: [passed(fd), 'x', 1] })
  expect(() => writer.flush()).toThrow('chdir')
  expect(outside!.statx(fd, '').stat?.size).toBe(0)
  expect(kernel.getpid()).toBeGreaterThan(0)
})

test.runIf(linux)('a descriptor is used in the batch that opens it, also more than once', () => {
  const { kernel } = launch()
  const fd = kernel.memfdCreate('twice', MFD_CLOEXEC)
  kernel.writeText(fd, 'hello')
  kernel.rewind(fd)
  const first = kernel.statx(fd, '')
  const second = kernel.statx(fd, '')
  expect(new TextDecoder().decode(kernel.read(fd, 100))).toBe('hello')
  expect([first.stat?.size, second.stat?.size]).toEqual([5, 5])
})

test.runIf(linux)('a tolerated errno is an answer, others of the same call are failures', () => {
  const { kernel } = launch()
  kernel.mkdirat(AT_FDCWD, '/proc', 0o755, [EEXIST])
  kernel.flush()
  kernel.mkdirat(AT_FDCWD, '/proc', 0o755, [ENOENT])
  expect(() => kernel.flush()).toThrow('mkdirat `/proc`: EEXIST')
})

test.runIf(linux)('a result of the wrong kind is a failure where one kind is expected', () => {
  const { calls, kernel } = launch()
  calls.later({ name: 'getpid', args: [], expect: 'positive' })
  calls.later({ name: 'umask', args: [0], expect: 'positive' })
  kernel.flush() // the mask that is inherited is never 0 in a test
  calls.later({ name: 'umask', args: [0o22], expect: 'positive', unexpected: 'there was no mask' })
  expect(() => kernel.flush()).toThrow('there was no mask')
})

test.runIf(linux)('a word of memory that was read decides like a result', () => {
  const { calls, kernel } = launch()
  const word = new Out(Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0))
  calls.later({ name: 'clock_gettime', args: [0, new Out(16)] })
  calls.later({ name: 'faccessat', args: [AT_FDCWD, '/', 0, word] }) // only to place the word
  calls.later({ name: 'load', args: [word.address], expect: 'zero' })
  expect(() => kernel.flush()).toThrow('exit code 3')
})

test.runIf(linux)('a word of memory that is no argument becomes a result, too', () => {
  const { calls, kernel } = launch()
  const word = new Out(8)
  const asked = calls.later({ name: 'getpid', args: [] })
  const loaded = calls.later({ name: 'load', args: [word] })
  calls.result(asked, word.address - ARENA_ADDRESS)
  kernel.flush()
  expect(loaded.value).toBe(asked.value)
})

test.runIf(linux)('a branch leads into a recorded chain and back', () => {
  using fd = outside!.memfdCreate('branch', MFD_CLOEXEC)
  const { calls, kernel, passed } = launch(fd)
  const number = passed(fd)
  const chain = calls.record(() => kernel.later({ name: 'write', args: [number, 'taken', 5] }))
  const asked = calls.later({ name: 'chdir', args: ['/missing'], tolerate: 'any' })
  asked.branch({ negative: chain[0]!.address })
  const behind = calls.later({ name: 'write', args: [number, '!', 1] })
  calls.link(chain, behind.address)
  calls.flush()
  outside!.rewind(fd)
  expect(new TextDecoder().decode(outside!.readAll(fd))).toBe('taken!')
})

test.runIf(linux)('a recorded chain stays whole however much is queued behind it', () => {
  using fd = outside!.memfdCreate('long', MFD_CLOEXEC)
  const { calls, kernel, passed } = launch(fd)
  kernel.flush()
  const number = passed(fd)
  const chain = calls.record(() => kernel.later({ name: 'write', args: [number, 'a'.repeat(100_000), 100_000] }))
  for (let i = 0; i < 1000; i++) calls.later({ name: 'getpid', args: [] })
  const asked = calls.later({ name: 'umask', args: [0], tolerate: 'any' })
  asked.branch({ positive: chain[0]!.address })
  calls.link(chain, 0)
  calls.flush()
  outside!.rewind(fd)
  expect(new TextDecoder().decode(outside!.readAll(fd))).toBe('a'.repeat(100_000))
})

test.runIf(linux)('a recorded call can not be asked for its result', () => {
  const { calls, kernel } = launch()
  expect(() => calls.record(() => kernel.getpid())).toThrow(Failure)
})

test.runIf(linux)('what the kernel writes comes back, also to several calls of one batch', () => {
  const { kernel } = launch()
  const stats = ['/proc', '/', '/dev/null', '/missing'].map(path => kernel.statx(AT_FDCWD, path))
  expect(stats.map(({ stat }) => stat && stat.mode >> 12)).toEqual([4, 4, 2, undefined])
})

test.runIf(linux)('a batch of many calls is sent in pieces and keeps its order', () => {
  const { kernel } = launch()
  const fd = kernel.memfdCreate('many', MFD_CLOEXEC)
  for (let i = 0; i < 3000; i++) kernel.writeText(fd, `${i % 10}`)
  kernel.rewind(fd)
  const text = new TextDecoder().decode(kernel.readAll(fd))
  expect(text).toBe('0123456789'.repeat(300))
})

test.runIf(linux)('a long batch is made while its end is still asked for', () => {
  const [ours, theirs] = outside!.socketpair()
  const { calls, kernel, passed } = launch(theirs)
  calls.later({ name: 'read', args: [passed(theirs), new Out(8), 8] })
  for (let i = 0; i < 900; i++) calls.later({ name: 'getpid', args: [] }) // more than one batch, and nobody waits
  outside!.writeAll(ours, 'go')
  kernel.flush()
  ours.close()
  theirs.close()
})

describe.runIf(linux)('a series', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'tsrun-series-'))
  afterAll(() => rmSync(scratch, { recursive: true }))

  /** A directory in `parent`, which is opened and gets a file. */
  const makeIn = (kernel: Executor['kernel'], parent: Fd, name: string, instead?: Call['instead']) =>
    kernel.again('directory with a file', [parent, name, `${name}.file`], (parent, name, file) => {
      kernel.mkdirat(parent, name, 0o755, [EEXIST])
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
      const made = kernel.openat2(parent, name, O_PATH | O_DIRECTORY, resolve, undefined, undefined, instead).take()
      kernel.mknodat(made, file, S_IFREG | 0o644, 0, [EEXIST])
      return [made.result]
    })

  function directory(name: string): string {
    const path = join(scratch, name)
    mkdirSync(path)
    return path
  }

  test('makes the calls with the words of each member, also more than a batch has', () => {
    const path = directory('many')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    const names = Array.from({ length: 1000 }, (_, i) => `${'x'.repeat(i % 50)}-${i}`)
    for (let i = 0; i < 100; i++) kernel.mkdirat(parent, 'x'.repeat(100), 0, [EEXIST]) // leaves bytes in the arena
    kernel.rmdir(parent, 'x'.repeat(100))
    for (const name of names) makeIn(kernel, parent, name)
    kernel.flush()
    expect(readdirSync(path).sort()).toEqual([...names].sort())
    for (const name of names) expect(readdirSync(join(path, name))).toEqual([`${name}.file`])
  })

  test('is learned when each member is waited for, which begins the arena anew', () => {
    const path = directory('waited')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    const names = Array.from({ length: 40 }, (_, i) => `${i + 10}`)
    for (const name of names) {
      makeIn(kernel, parent, name)
      kernel.flush()
    }
    for (const name of names) expect(readdirSync(join(path, name))).toEqual([`${name}.file`])
  })

  test.skipIf(emulated)('may use a descriptor more than once, tells modes, and names the member that fails', () => {
    const path = directory('modes')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    kernel.flush()
    const names = Array.from({ length: 40 }, (_, i) => `${i}`)
    for (const [i, name] of names.entries())
      if (i % 2 === 0) mkdirSync(join(path, name), { mode: 0o750 })
      else writeFileSync(join(path, name), '', { mode: 0o600 })
    const look = (name: string) =>
      doing(`look at ${name}`, () =>
        kernel.again('modes', [name], name => {
          const fd = kernel.openat2(parent, name, O_PATH, RESOLVE_BENEATH).take()
          kernel.duplicate(fd, 0).take()
          kernel.duplicate(fd, 0).take()
          return [kernel.modeLater(fd)]
        }),
      )
    const modes = names.map(name => look(name)[0]!)
    expect(modes.map(modeOf)).toEqual(names.map((_, i) => (i % 2 === 0 ? S_IFDIR | 0o750 : S_IFREG | 0o600)))
    look('0')
    look('missing')
    look('1')
    expect(() => kernel.flush()).toThrow('look at missing: openat2 `missing`: ENOENT')
  })

  test('has other descriptors for its members', () => {
    const path = directory('descriptors')
    const { kernel } = launch()
    const parents = Array.from({ length: 30 }, (_, i) => {
      mkdirSync(join(path, `${i}`))
      return kernel.openat(AT_FDCWD, join(path, `${i}`), O_PATH | O_DIRECTORY).take()
    })
    for (const parent of parents) makeIn(kernel, parent, 'not known yet')
    kernel.flush()
    for (const parent of parents) makeIn(kernel, parent, 'known')
    kernel.flush()
    for (let i = 0; i < 30; i++) expect(readdirSync(join(path, `${i}`))).toEqual(['known', 'not known yet'])
  })

  test('gives results to later calls and to those who ask', () => {
    const path = directory('results')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    kernel.flush()
    for (let i = 0; i < 30; i++) {
      const [made] = makeIn(kernel, parent, `${i}`)
      const fd = new Fd(kernel, made!, 'made')
      kernel.mkdirat(fd, 'below', 0o755)
      kernel.mkdirat(fd, 'twice', 0o755)
      if (i % 10 === 9) expect(fd.number).toBeGreaterThan(parent.number)
    }
    kernel.flush()
    for (let i = 0; i < 30; i++) expect(readdirSync(join(path, `${i}`)).sort()).toEqual([`${i}.file`, 'below', 'twice'])
  })

  // Where openat2 is denied, as by qemu, no failure of its own is seen.
  test.skipIf(emulated)('fails with the words and phrases of the member, and nothing behind it is done', () => {
    const path = directory('failure')
    writeFileSync(join(path, '27'), '')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    kernel.flush()
    for (let i = 0; i < 30; i++) doing(`number ${i}`, () => makeIn(kernel, parent, `${i}`))
    const error = thrown(() => kernel.flush()) as KernelError
    expect(error.message).toBe('number 27: openat2 `27`: ENOTDIR')
    expect(readdirSync(path).length).toBe(28)
    makeIn(kernel, parent, 'later')
    kernel.flush()
    expect(existsSync(join(path, 'later/later.file'))).toBe(true)
  })

  test.skipIf(emulated)('goes on with what is done instead', () => {
    const path = directory('instead')
    for (const name of ['1', '18', '28']) symlinkSync('real', join(path, name))
    mkdirSync(join(path, 'real'))
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    kernel.flush()
    const asked: string[] = []
    for (let i = 0; i < 30; i++)
      makeIn(kernel, parent, `${i}`, errno => {
        asked.push(`${i}: ${errno}`)
        const real = kernel.openat(parent, 'real', O_PATH | O_DIRECTORY).take()
        return { name: 'fcntl', args: [real, F_DUPFD_CLOEXEC, 0] }
      })
    kernel.flush()
    expect(asked).toEqual([`1: ${ELOOP}`, `18: ${ELOOP}`, `28: ${ELOOP}`])
    expect(readdirSync(join(path, 'real')).sort()).toEqual(['1.file', '18.file', '28.file'])
    expect(existsSync(join(path, '29/29.file'))).toBe(true)
  })

  test('is made call by call where calls of one name differ in more than words', () => {
    const path = directory('different')
    const { kernel } = launch()
    const parent = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY).take()
    for (let i = 0; i < 30; i++)
      kernel.again('directory with a mode', [parent, `${i}`], (parent, name) => {
        kernel.mkdirat(parent, name, 0o700 + (i & 7))
        if (i === 24) kernel.mkdirat(parent, 'more', 0o755)
        return []
      })
    kernel.flush()
    expect(readdirSync(path).length).toBe(31)
    for (let i = 0; i < 30; i++) expect(statSync(join(path, `${i}`)).mode & 0o700).toBe(0o700)
  })

  test('tells at which call the executor died', () => {
    const [ours, theirs] = outside!.socketpair()
    const { kernel, pid, passed } = launch(theirs)
    const socket = passed(theirs)
    const wait = (subject: string) =>
      kernel.again('wait', [socket, subject], (fd, subject) => {
        kernel.later({ name: 'read', args: [fd, new Uint8Array(8), 8], subject })
        return []
      })
    for (let i = 0; i < 30; i++) {
      doing('waiting', () => wait(`number ${i}`))
      outside!.writeAll(ours, 'x')
      if (i < 29) kernel.flush()
    }
    kernel.flush()
    doing('waiting', () => wait('the last'))
    process.kill(pid, SIGKILL)
    expect(() => kernel.flush()).toThrow(/^waiting: the executor died at read the last: killed by signal 9/)
    ours.close()
    theirs.close()
  })
})

test.runIf(linux)('it has the descriptors that it was given and no others', () => {
  const leak = openSync('/dev/null', 'r')
  using passedFd = outside!.memfdCreate('passed', MFD_CLOEXEC)
  const { kernel, pid, passed, controlNumber, guardNumber } = launch(passedFd)
  kernel.flush()
  const open = readdirSync(`/proc/${pid}/fd`).map(Number)
  closeSync(leak)
  expect(open.sort((a, b) => a - b)).toEqual([0, 1, 2, controlNumber, guardNumber, passed(passedFd).number])
})

test.runIf(linux)('a descriptor of the other side is refused, also where types did not see it', () => {
  using fd = outside!.memfdCreate('outside', MFD_CLOEXEC)
  const { kernel, calls } = launch()
  expect(() => calls.later({ name: 'fchdir', args: [fd] })).toThrow('`memfd:outside` is a descriptor of the other side')
  expect(() => outside!.rewind(kernel.memfdCreate('inside', MFD_CLOEXEC))).toThrow('descriptor of the other side')
})

test.runIf(linux)('what was not passed is not there', () => {
  using fd = outside!.memfdCreate('kept', MFD_CLOEXEC)
  const { passed } = launch()
  expect(() => passed(fd)).toThrow('`memfd:kept` was not passed to the executor')
})

test.runIf(linux)('it ends when the planner closes its end of the control socket', () => {
  const { control, kernel, pid } = launch()
  kernel.flush()
  control.close()
  expect(outside!.wait(pid, 0)).toEqual({ pid, code: 127, signal: undefined })
})

test.runIf(linux)('an executor that was killed between two batches is a failure with its cause', () => {
  const { kernel, pid } = launch()
  kernel.flush()
  process.kill(pid, SIGKILL)
  expect(() => kernel.getpid()).toThrow('the executor died at getpid: killed by signal 9')
})

test.runIf(linux)('an executor that dies in the middle of a batch is a failure that says at which call', () => {
  const { calls, kernel } = launch()
  kernel.chdir('/')
  calls.later({ name: 'exit_group', args: [7] })
  kernel.umask(0)
  const error = thrown(() => kernel.flush()) as Failure
  expect(error).toBeInstanceOf(Failure)
  expect(error.message).toBe('the executor died at exit_group: exit code 7')
})

test.runIf(linux && !emulated)('a chain that nobody waits for is refused when the executor is gone', () => {
  const { calls, kernel, pid } = launch()
  kernel.flush()
  process.kill(pid, SIGTERM)
  while (status(pid, 'State')[0] !== 'Z');
  const chain = calls.record(() => kernel.exit(0))
  calls.link(chain, 0)
  expect(() => calls.send(chain)).toThrow('the executor died at exit_group: killed by signal 15')
})

test.runIf(linux && !emulated)('nobody can write to its executable', () => {
  const { kernel, pid } = launch()
  kernel.flush()
  const error = thrown(() => openSync(`/proc/${pid}/exe`, 'r+')) as NodeJS.ErrnoException
  expect(['ETXTBSY', 'EPERM', 'EACCES']).toContain(error.code)
  // Nor through a descriptor of it, which the seals forbid even to root.
  const sealed = readFileSync(`/proc/${pid}/exe`)
  expect(sealed.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
})

test.runIf(linux && !emulated)('it takes less than 200 KiB of memory', () => {
  const { kernel, pid } = launch()
  for (let i = 0; i < 100; i++) kernel.statx(AT_FDCWD, '/')
  kernel.flush()
  expect(Number.parseInt(status(pid, 'VmRSS'), 10)).toBeLessThan(200)
})

test.runIf(linux && !emulated)('its signals have their default dispositions and none is blocked', () => {
  const ignored = () => {}
  process.on('SIGUSR1', ignored)
  const { kernel, pid } = launch()
  kernel.flush()
  process.off('SIGUSR1', ignored)
  expect(['SigBlk', 'SigIgn', 'SigCgt'].map(field => BigInt(`0x${status(pid, field)}`))).toEqual([0n, 0n, 0n])
})

test.runIf(linux)('a failed launch leaves nothing open', () => {
  const before = readdirSync('/proc/self/fd').length
  const broken = { ...host!, spawn: () => -12 }
  expect(() => launchExecutor(broken, outside!, { passed: [] })).toThrow('posix_spawn')
  expect(readdirSync('/proc/self/fd').length).toBe(before)
})

test.runIf(linux)('release() gives back memory and descriptors', () => {
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 3; i++) {
    const { kernel, release, pid } = launchExecutor(host!, outside!, { passed: [] })
    kernel.flush()
    release()
    outside!.wait(pid, 0)
    expect(existsSync(`/proc/${pid}`)).toBe(false)
  }
  expect(readdirSync('/proc/self/fd').length).toBe(before)
  expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('memfd:arena')
})
