import { describe, expect, test } from 'vitest'
import { EAGAIN, ECONNREFUSED, EEXIST, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY } from '../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  F_SEAL_WRITE,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from '../native/abi/fcntl.ts'
import { MSG_NOSIGNAL, POLLHUP, POLLIN, POLLOUT } from '../native/abi/socket.ts'
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from '../native/abi/stat.ts'
import { endOfInput, rawMode } from '../native/calls/terminal.ts'
import { KernelError } from '../native/failure.ts'
import type { Fd } from '../native/fd.ts'
import type { Kernel } from '../native/kernel.ts'
import { decode, isIn } from '../native/utf8.ts'

/** A kernel to be looked at. */
export interface Subject {
  readonly kernel: Kernel
  /** An empty directory. */
  readonly directory: string
  /** Starts a child of whoever makes the calls, which exits with code 3 at once; gives its pid. */
  spawn?(): number
  release(): void
}

export interface ContractOptions {
  readonly name: string
  make(): Subject
  /** Tests that can not hold here. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

const MEGABYTE = 1 << 20

/** What the runtime relies on, whoever makes the calls: the same tests for every machine and every host. */
export function kernelContract({ name, make, skip = [] }: ContractOptions): void {
  const reasons = new Map(skip.flatMap(({ reason, tests }) => tests.map(title => [title, reason] as const)))

  /** One test with a subject of its own. */
  function holds(title: string, check: (kernel: Kernel, subject: Subject) => void): void {
    const reason = reasons.get(title)
    if (reason !== undefined) {
      test.skip(`${title} (${reason})`, () => {})
      return
    }
    test(title, () => {
      const subject = make()
      try {
        check(subject.kernel, subject)
      } finally {
        subject.release()
      }
    })
  }

  describe(`the kernel contract, ${name}`, () => {
    files(holds)
    directories(holds)
    paths(holds)
    sockets(holds)
    others(holds)
  })
}

type Holds = (title: string, check: (kernel: Kernel, subject: Subject) => void) => void

/** What a call fails with. */
function failure(work: () => unknown): KernelError {
  try {
    work()
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
  throw new Error('nothing failed')
}

function write(kernel: Kernel, path: string, text: string): void {
  using fd = kernel.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  kernel.writeAll(fd, text)
}

function readText(kernel: Kernel, path: string): string {
  return decode(kernel.readFile(AT_FDCWD, path))
}

function files(holds: Holds): void {
  holds('a file that was written can be read', (kernel, { directory }) => {
    write(kernel, `${directory}/a`, 'grüße')
    expect(readText(kernel, `${directory}/a`)).toBe('grüße')
  })

  holds('an engine finds a part of a text', () => {
    const text = `${'ä'.repeat(100)}{"a": ""}`
    const found = ['""', 'ä{', text, '', '__proto__', `${text}!`].map(part => isIn(text, part))
    expect(found).toEqual([true, true, true, true, false, false])
  })

  holds('a missing file fails with its path, or is tolerated', (kernel, { directory }) => {
    const path = `${directory}/missing`
    const error = failure(() => kernel.openat(AT_FDCWD, path, O_RDONLY).number)
    expect([error.code, error.call, error.subject]).toEqual(['ENOENT', 'openat', `\`${path}\``])
    using fd = kernel.openat(AT_FDCWD, path, O_RDONLY, 0, [ENOENT])
    expect(fd.exists).toBe(false)
    expect(kernel.readTextIfAny(AT_FDCWD, path)).toBeUndefined()
  })

  holds('data that does not fit into the memory of one call goes over in pieces', (kernel, { directory }) => {
    const data = Uint8Array.from({ length: 3 * MEGABYTE + 17 }, (_, i) => (i * 7) ^ (i >> 9))
    {
      using fd = kernel.openat(AT_FDCWD, `${directory}/big`, O_WRONLY | O_CREAT, 0o600)
      kernel.writeAll(fd, data)
    }
    const read = kernel.readFile(AT_FDCWD, `${directory}/big`)
    expect(read.length).toBe(data.length)
    expect(read.every((byte, i) => byte === data[i])).toBe(true)
  })

  holds('O_EXCL, O_TRUNC and O_APPEND do what they say', (kernel, { directory }) => {
    const path = `${directory}/a`
    write(kernel, path, 'one')
    expect(failure(() => kernel.openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL).number).errno).toBe(EEXIST)
    {
      using end = kernel.openat(AT_FDCWD, path, O_WRONLY | O_APPEND)
      kernel.writeAll(end, ' two')
    }
    expect(readText(kernel, path)).toBe('one two')
    kernel.openat(AT_FDCWD, path, O_WRONLY | O_TRUNC).close()
    expect(readText(kernel, path)).toBe('')
    using end = kernel.openat(AT_FDCWD, path, O_WRONLY | O_APPEND)
    kernel.writeAll(end, 'x')
    expect(readText(kernel, path)).toBe('x')
  })

  holds('a descriptor is only good for what it was opened for', (kernel, { directory }) => {
    write(kernel, `${directory}/a`, 'a')
    using found = kernel.openat(AT_FDCWD, `${directory}/a`, O_PATH)
    using reader = kernel.openat(AT_FDCWD, `${directory}/a`, O_RDONLY)
    expect(failure(() => kernel.read(found, 1)).code).toBe('EBADF')
    expect(failure(() => kernel.writeAll(reader, 'b')).code).toBe('EBADF')
    using above = kernel.openat(AT_FDCWD, directory, O_RDONLY)
    expect(failure(() => kernel.read(above, 1)).code).toBe('EISDIR')
  })

  holds('a file is replaced in one step and leaves no temporary file', (kernel, { directory }) => {
    write(kernel, `${directory}/a`, 'old')
    kernel.replaceFile(AT_FDCWD, `${directory}/a`, 'new', 0o600)
    using fd = kernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)
    expect([readText(kernel, `${directory}/a`), kernel.readDirectory(fd)]).toEqual(['new', ['a']])
  })

  holds('duplicates share one position', (kernel, { directory }) => {
    write(kernel, `${directory}/a`, 'abcd')
    using fd = kernel.openat(AT_FDCWD, `${directory}/a`, O_RDONLY)
    using copy = kernel.duplicate(fd, 100)
    expect(copy.number).toBeGreaterThanOrEqual(100)
    expect(decode(kernel.read(fd, 2)) + decode(kernel.read(copy, 2))).toBe('abcd')
    expect([kernel.isOpen(copy.number), kernel.isOpen(999)]).toEqual([true, false])
  })

  holds('a closed descriptor is gone', (kernel, { directory }) => {
    const fd = kernel.openat(AT_FDCWD, directory, O_RDONLY)
    const { number } = fd
    fd.close()
    expect(kernel.isOpen(number)).toBe(false)
  })

  holds('a memory file can be written, rewound, copied and sealed', kernel => {
    using fd = kernel.memfdCreate('one', MFD_CLOEXEC | MFD_ALLOW_SEALING)
    using copy = kernel.memfdCreate('other', MFD_CLOEXEC)
    kernel.writeAll(fd, 'content')
    kernel.rewind(fd)
    kernel.copyAll(fd, copy, 7)
    kernel.rewind(copy)
    expect(decode(kernel.readAll(copy))).toBe('content')
    kernel.seal(fd, F_SEAL_WRITE)
    expect(failure(() => kernel.writeAll(fd, 'more')).code).toBe('EPERM')
    kernel.ftruncate(copy, 3)
    expect(kernel.statx(copy, '').stat?.size).toBe(3)
  })

  holds('a locked file is locked for every other open file', (kernel, { directory }) => {
    using first = kernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)
    using second = kernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)
    expect(kernel.flock(first, LOCK_EX)).toBe(true)
    expect(kernel.flock(second, LOCK_EX | LOCK_NB, [EAGAIN])).toBe(false)
    kernel.flock(first, LOCK_UN)
    expect(kernel.flock(second, LOCK_EX | LOCK_NB, [EAGAIN])).toBe(true)
  })
}

function directories(holds: Holds): void {
  holds('the listing of a large directory is complete', (kernel, { directory }) => {
    const names = Array.from({ length: 700 }, (_, i) => `${'name-'.repeat(10)}${i}`)
    using fd = kernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)
    for (const name of names) kernel.mknodat(fd, name, S_IFREG | 0o600, 0)
    expect(kernel.readDirectory(fd).sort()).toEqual(names.sort())
  })

  holds('directories are made and removed when they are empty', (kernel, { directory }) => {
    const path = `${directory}/d`
    kernel.mkdirat(AT_FDCWD, path, 0o700)
    kernel.mkdirat(AT_FDCWD, path, 0o700, [EEXIST])
    write(kernel, `${path}/f`, '')
    expect(kernel.rmdir(AT_FDCWD, path, [ENOTEMPTY])).toBe(false)
    kernel.unlink(AT_FDCWD, `${path}/f`)
    kernel.unlink(AT_FDCWD, `${path}/f`) // what is gone is gone
    expect([kernel.rmdir(AT_FDCWD, path), kernel.rmdir(AT_FDCWD, path)]).toEqual([true, false])
  })

  holds('a removed directory that is still open says so', (kernel, { directory }) => {
    kernel.mkdirat(AT_FDCWD, `${directory}/d`, 0o700)
    using fd = kernel.openat(AT_FDCWD, `${directory}/d`, O_RDONLY | O_DIRECTORY)
    expect(kernel.statx(fd, '').stat?.links).toBeGreaterThan(0)
    kernel.rmdir(AT_FDCWD, `${directory}/d`)
    expect(kernel.statx(fd, '').stat?.links).toBe(0)
  })

  holds('rename replaces what is there', (kernel, { directory }) => {
    write(kernel, `${directory}/a`, 'a')
    write(kernel, `${directory}/b`, 'b')
    using fd = kernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)
    kernel.rename(fd, 'a', 'b')
    expect([kernel.readDirectory(fd), readText(kernel, `${directory}/b`)]).toEqual([['b'], 'a'])
  })

  holds('a file is no directory', (kernel, { directory }) => {
    write(kernel, `${directory}/f`, '')
    expect(failure(() => kernel.openat(AT_FDCWD, `${directory}/f/x`, O_RDONLY).number).errno).toBe(ENOTDIR)
    expect(failure(() => kernel.openat(AT_FDCWD, `${directory}/f`, O_DIRECTORY).number).errno).toBe(ENOTDIR)
    const mkdir = () => {
      kernel.mkdirat(AT_FDCWD, `${directory}/none/x`, 0)
      kernel.flush()
    }
    expect(failure(mkdir).errno).toBe(ENOENT)
  })
}

function paths(holds: Holds): void {
  const typeOf = (kernel: Kernel, dir: Fd | number, path: string, flags = 0) =>
    (kernel.statx(dir, path, flags).stat?.mode ?? 0) & S_IFMT

  holds('statx tells type, permissions and size', (kernel, { directory }) => {
    write(kernel, `${directory}/f`, '12345')
    kernel.fchmodat(AT_FDCWD, `${directory}/f`, 0o640)
    expect(kernel.statx(AT_FDCWD, `${directory}/f`).stat).toMatchObject({ mode: S_IFREG | 0o640, size: 5, links: 1 })
    expect(typeOf(kernel, AT_FDCWD, directory)).toBe(S_IFDIR)
    expect(kernel.statx(AT_FDCWD, `${directory}/missing`).stat).toBeUndefined()
    const { rdevMajor, rdevMinor } = kernel.statx(AT_FDCWD, '/dev/null').stat!
    expect([rdevMajor, rdevMinor]).toEqual([1, 3])
  })

  holds('links are followed, read, and refused', (kernel, { directory }) => {
    write(kernel, `${directory}/f`, 'x')
    kernel.symlinkat('f', AT_FDCWD, `${directory}/link`)
    expect(kernel.readlinkat(AT_FDCWD, `${directory}/link`)).toBe('f')
    expect(readText(kernel, `${directory}/link`)).toBe('x')
    expect(typeOf(kernel, AT_FDCWD, `${directory}/link`, AT_SYMLINK_NOFOLLOW)).toBe(S_IFLNK)
    expect(failure(() => kernel.openat(AT_FDCWD, `${directory}/link`, O_RDONLY | O_NOFOLLOW).number).errno).toBe(ELOOP)
    using found = kernel.openat(AT_FDCWD, `${directory}/link`, O_PATH | O_NOFOLLOW)
    expect(typeOf(kernel, found, '')).toBe(S_IFLNK)
  })

  holds('openat2 with RESOLVE_IN_ROOT does not lead out of the root', (kernel, { directory }) => {
    kernel.mkdirat(AT_FDCWD, `${directory}/root`, 0o700)
    kernel.mkdirat(AT_FDCWD, `${directory}/root/etc`, 0o700)
    write(kernel, `${directory}/root/etc/f`, 'inside')
    write(kernel, `${directory}/f`, 'outside')
    kernel.symlinkat('/etc/f', AT_FDCWD, `${directory}/root/absolute`)
    kernel.symlinkat('../../../../etc/f', AT_FDCWD, `${directory}/root/up`)
    using root = kernel.openat(AT_FDCWD, `${directory}/root`, O_PATH | O_DIRECTORY)
    for (const path of ['absolute', 'up', '/etc/f', '../../etc/f', 'etc/../../etc/f']) {
      using fd = kernel.openat2(root, path, O_RDONLY, RESOLVE_IN_ROOT)
      expect(decode(kernel.readAll(fd)), path).toBe('inside')
    }
  })

  holds('openat2 with RESOLVE_NO_SYMLINKS refuses every link on the way', (kernel, { directory }) => {
    kernel.mkdirat(AT_FDCWD, `${directory}/d`, 0o700)
    kernel.symlinkat('d', AT_FDCWD, `${directory}/link`)
    using fd = kernel.openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY)
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
    expect(kernel.openat2(fd, 'd', O_PATH, resolve).number).toBeGreaterThan(0)
    expect(failure(() => kernel.openat2(fd, 'link', O_PATH, resolve).number).errno).toBe(ELOOP)
  })

  holds('nodes are made with their type', (kernel, { directory }) => {
    kernel.mknodat(AT_FDCWD, `${directory}/fifo`, S_IFIFO | 0o600, 0)
    kernel.mknodat(AT_FDCWD, `${directory}/fifo`, S_IFREG | 0o600, 0, [EEXIST])
    expect(typeOf(kernel, AT_FDCWD, `${directory}/fifo`)).toBe(S_IFIFO)
  })
}

function sockets(holds: Holds): void {
  holds('a socket pair carries bytes both ways, and an end of file', kernel => {
    const [one, other] = kernel.socketpair()
    kernel.writeAll(one, 'there')
    kernel.writeAll(other, 'and back')
    expect([decode(kernel.read(other, 100)), decode(kernel.read(one, 3))]).toEqual(['there', 'and'])
    kernel.shutdownWrite(other)
    expect(decode(kernel.readAll(one))).toBe(' back')
    other.close()
    one.close()
  })

  holds('writing to a closed socket is EPIPE, reading from it the end', kernel => {
    const [one, other] = kernel.socketpair()
    other.close()
    kernel.flush()
    const bytes = Uint8Array.of(1)
    expect(failure(() => kernel.now({ name: 'sendto', args: [one, bytes, 1, MSG_NOSIGNAL, null, 0] })).code).toBe(
      'EPIPE',
    )
    expect(kernel.read(one, 1).length).toBe(0)
    one.close()
  })

  holds('a socket that is closed with bytes unread resets the connection', kernel => {
    const [one, other] = kernel.socketpair()
    kernel.writeAll(one, 'unread')
    other.close()
    expect(failure(() => kernel.read(one, 1)).code).toBe('ECONNRESET')
    expect(kernel.read(one, 1).length).toBe(0)
    one.close()
  })

  holds('a client meets a server at the path of a socket', (kernel, { directory }) => {
    const path = `${directory}/socket`
    using server = kernel.unixSocket()
    kernel.listenAt(server, path)
    using client = kernel.unixSocket()
    expect(kernel.connectTo(client, path)).toBe(true)
    using connection = kernel.accept(server)
    kernel.writeAll(client, 'hello')
    expect(decode(kernel.read(connection, 100))).toBe('hello')
    connection.close()
    expect(kernel.readAll(client).length).toBe(0)
  })

  holds('an open file goes through a socket, beside a byte of data', kernel => {
    const [one, other] = kernel.socketpair()
    const file = kernel.memfdCreate('passed', MFD_CLOEXEC)
    kernel.writeAll(file, 'through a socket')
    kernel.sendDescriptor(one, 'x', file)
    file.close()
    using received = kernel.receiveDescriptor(other, 'passed')!
    kernel.rewind(received)
    expect(decode(kernel.readAll(received))).toBe('through a socket')
    kernel.writeAll(one, 'only data')
    expect(kernel.receiveDescriptor(other, 'nothing')).toBeUndefined()
    one.close()
    other.close()
  })

  holds('nobody answers at a socket whose server is gone', (kernel, { directory }) => {
    const path = `${directory}/socket`
    const server = kernel.unixSocket()
    kernel.listenAt(server, path)
    server.close()
    using client = kernel.unixSocket()
    expect(kernel.connectTo(client, path, [ECONNREFUSED])).toBe(false)
    kernel.unlink(AT_FDCWD, path)
    expect(kernel.connectTo(client, path, [ENOENT])).toBe(false)
  })

  holds('poll tells what is there, and gives up after its time', kernel => {
    const [one, other] = kernel.socketpair()
    expect(kernel.poll([{ fd: one, events: POLLIN }], 1)).toEqual([0])
    kernel.writeAll(other, 'x')
    const both = [
      { fd: one, events: POLLIN },
      { fd: other, events: POLLIN | POLLOUT },
    ]
    expect(kernel.poll(both, -1)).toEqual([POLLIN, POLLOUT])
    other.close()
    expect(kernel.poll([{ fd: one, events: POLLIN }], -1)).toEqual([POLLIN | POLLHUP])
    one.close()
  })
}

function others(holds: Holds): void {
  holds('a child is waited for once', (kernel, { spawn }) => {
    const pid = spawn!()
    expect(kernel.wait(pid, 0)).toEqual({ pid, code: 3, signal: undefined })
    expect(failure(() => kernel.wait(pid, 0)).code).toBe('ECHILD')
  })

  holds('the pidfd of a child is readable when it has ended', (kernel, { spawn }) => {
    const pid = spawn!()
    using pidfd = kernel.pidfdOpen(pid)
    expect(kernel.poll([{ fd: pidfd, events: POLLIN }], 10_000)).toEqual([POLLIN])
    kernel.wait(pid, 0)
    expect(kernel.signal(pidfd, 9)).toBe(false)
  })

  holds('there is a pidfd for every process, and none for a pid that is free', kernel => {
    using own = kernel.pidfdOpen(kernel.getpid())
    using none = kernel.pidfdOpen(0x3f_ffff)
    expect([own.exists, none.exists]).toEqual([true, false])
  })

  holds('a pseudo-terminal has two ends, a size, and a raw mode', kernel => {
    using master = kernel.openat(AT_FDCWD, '/dev/ptmx', O_RDWR | O_NOCTTY)
    kernel.unlockPeer(master)
    using peer = kernel.openPeer(master)
    kernel.setWindowSize(master, { rows: 7, columns: 300 })
    expect(kernel.windowSize(peer.number)).toEqual({ rows: 7, columns: 300 })
    const settings = kernel.termios(peer)!
    expect([endOfInput(settings), endOfInput(rawMode(settings))]).toEqual([4, undefined])
    kernel.writeAll(master, 'cooked\r')
    expect(decode(kernel.read(peer, 100))).toBe('cooked\n')
    expect(decode(kernel.read(master, 100))).toBe('cooked\r\n') // the echo
    kernel.setTermios(peer.number, rawMode(settings))
    kernel.writeAll(master, '\u0003\r')
    expect(decode(kernel.read(peer, 100))).toBe('\u0003\r')
    kernel.writeAll(peer, '\n')
    expect(decode(kernel.read(master, 100))).toBe('\n')
  })

  holds('what is no terminal has neither size nor settings', kernel => {
    using file = kernel.memfdCreate('file', MFD_CLOEXEC)
    expect([kernel.windowSize(file.number), kernel.termios(file), kernel.foregroundGroup(file.number)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  holds('limits are told with all their bits', kernel => {
    const limit = kernel.getLimit(0, 7)!
    expect(limit.soft).toBeGreaterThan(0n)
    expect(limit.hard).toBeGreaterThanOrEqual(limit.soft)
  })

  holds('a pause takes its time', kernel => {
    const before = kernel.clock(1)
    kernel.sleep(12)
    expect(kernel.clock(1) - before).toBeGreaterThanOrEqual(12e6)
  })

  holds('the file system of a directory has its magic number', (kernel, { directory }) => {
    using proc = kernel.openat(AT_FDCWD, '/proc', O_PATH)
    expect(kernel.fileSystemType(proc)).toBe(0x9fa0)
    using other = kernel.openat(AT_FDCWD, directory, O_PATH)
    expect(kernel.fileSystemType(other)).not.toBe(0x9fa0)
    expect(kernel.fileSystemTypeAt('/proc')).toBe(0x9fa0)
    expect(kernel.fileSystemTypeAt(`${directory}/absent`)).toBeUndefined()
  })
}
