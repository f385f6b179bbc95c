import { O_CLOEXEC, O_NOCTTY, O_RDWR } from '../abi/fcntl.ts'
import { TERMIOS, WINSIZE } from '../abi/layout/process.ts'
import {
  BRKINT,
  CS8,
  CSIZE,
  ECHO,
  ECHONL,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNBRK,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IXON,
  ONLCR,
  OPOST,
  PARENB,
  PARMRK,
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGPTPEER,
  TIOCGWINSZ,
  TIOCSCTTY,
  TIOCSPTLCK,
  TIOCSWINSZ,
  VEOF,
  VMIN,
  VTIME,
} from '../abi/termios.ts'
import { Fd } from '../fd.ts'
import type { Calls } from '../kernels/machine.ts'
import { Out, Struct } from '../struct.ts'

/** The size of a terminal in characters. */
export interface WindowSize {
  readonly rows: number
  readonly columns: number
}

/** `struct termios`: four words of flags, the line discipline, and the control characters. */
export type Termios = Uint8Array

const { c_iflag, c_oflag, c_cflag, c_lflag, c_cc } = TERMIOS

export const terminalCalls = {
  /** ioctl(master, TIOCSPTLCK, &0): lets the peer of a new pseudo-terminal be opened, see ioctl_tty(2). */
  unlockPeer(this: Calls, master: Fd): void {
    this.later({ name: 'ioctl', args: [master, TIOCSPTLCK, new Struct(4)], subject: 'unlock the pseudo-terminal' })
  },

  /** ioctl(master, TIOCGPTPEER, flags): the other end, whatever lies at its path; see ioctl_tty(2). */
  openPeer(this: Calls, master: Fd): Fd {
    const args = [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC]
    const subject = 'the other end of the pseudo-terminal'
    return new Fd(this, this.later({ name: 'ioctl', args, subject }), 'pseudo-terminal')
  },

  /** ioctl(terminal, TIOCSWINSZ, &size): who has the terminal in the foreground gets SIGWINCH; see ioctl_tty(2). */
  setWindowSize(this: Calls, terminal: Fd, { rows, columns }: WindowSize): void {
    const size = new Struct(WINSIZE.size).u16(WINSIZE.ws_row, rows).u16(WINSIZE.ws_col, columns)
    this.later({ name: 'ioctl', args: [terminal, TIOCSWINSZ, size], subject: `${columns} x ${rows} characters` })
  },

  /** The same at once, of a descriptor of our own. Nothing happens when the terminal has hung up. */
  resizeTerminal(this: Calls, fd: number, { rows, columns }: WindowSize): void {
    const size = new Struct(8).u16(0, rows).u16(2, columns)
    this.now({ name: 'ioctl', args: [fd, TIOCSWINSZ, size], tolerate: 'any' })
  },

  /** ioctl(fd, TIOCGWINSZ, &size), see ioctl_tty(2). Undefined when `fd` is no terminal. */
  windowSize(this: Calls, fd: number): WindowSize | undefined {
    const size = new Out(WINSIZE.size)
    if (this.now({ name: 'ioctl', args: [fd, TIOCGWINSZ, size], tolerate: 'any' }) < 0) return undefined
    return { rows: size.view.getUint16(WINSIZE.ws_row, true), columns: size.view.getUint16(WINSIZE.ws_col, true) }
  },

  /** ioctl(fd, TIOCSCTTY, 0): the terminal becomes that of the session, which we must lead; see ioctl_tty(2). */
  controlTerminal(this: Calls, fd: number): void {
    const hint = { EIO: 'whoever had the other end of the terminal has closed it', EPERM: 'another session has it' }
    this.later({ name: 'ioctl', args: [fd, TIOCSCTTY, 0], subject: 'controlling terminal', hint })
  },

  /** ioctl(fd, TIOCGPGRP, &group): who is in the foreground. Undefined when it is not our session's terminal. */
  foregroundGroup(this: Calls, fd: number): number | undefined {
    const group = new Out(4)
    const result = this.now({ name: 'ioctl', args: [fd, TIOCGPGRP, group], tolerate: 'any' })
    return result < 0 ? undefined : group.view.getInt32(0, true)
  },

  /** ioctl(fd, TCGETS, &termios), see ioctl_tty(2). Of a master the settings of its peer. Undefined when it is no terminal. */
  termios(this: Calls, fd: Fd | number): Termios | undefined {
    const out = new Out(TERMIOS.size)
    return this.now({ name: 'ioctl', args: [fd, TCGETS, out], tolerate: 'any' }) < 0 ? undefined : out.bytes
  },

  /**
   * ioctl(fd, TCSETS, &termios), see ioctl_tty(2). Who is in the background is stopped by SIGTTOU until it is in the
   * foreground. Nothing happens when the terminal has hung up.
   */
  setTermios(this: Calls, fd: number, termios: Termios): void {
    this.now({ name: 'ioctl', args: [fd, TCSETS, termios], tolerate: 'any' })
  },
}

/** These settings without any processing: every byte comes as it was typed and goes as it is; see cfmakeraw(3). */
export function rawMode(termios: Termios): Termios {
  const raw = termios.slice()
  const view = new DataView(raw.buffer)
  const change = (at: number, clear: number, set = 0) =>
    view.setUint32(at, (view.getUint32(at, true) & ~clear) | set, true)
  change(c_iflag, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
  change(c_oflag, OPOST)
  change(c_lflag, ECHO | ECHONL | ICANON | ISIG | IEXTEN)
  change(c_cflag, CSIZE | PARENB, CS8)
  raw[c_cc + VMIN] = 1
  raw[c_cc + VTIME] = 0
  return raw
}

/** These settings, but lines end as the program ends them, with no carriage return before a newline. */
export function plainNewlines(termios: Termios): Termios {
  const plain = termios.slice()
  const view = new DataView(plain.buffer)
  view.setUint32(c_oflag, view.getUint32(c_oflag, true) & ~ONLCR, true)
  return plain
}

/** These settings, but the character that ends the input is one like any other (_POSIX_VDISABLE). */
export function withoutEnd(termios: Termios): Termios {
  const endless = termios.slice()
  endless[c_cc + VEOF] = 0
  return endless
}

/** The character that ends the input of a terminal whose program reads line by line; undefined when it does not. */
export function endOfInput(termios: Termios): number | undefined {
  const flags = new DataView(termios.buffer, termios.byteOffset).getUint32(c_lflag, true)
  return (flags & ICANON) === 0 ? undefined : termios[c_cc + VEOF]
}
