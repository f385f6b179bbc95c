// <asm-generic/termbits.h>, <asm-generic/ioctls.h>. The numbers are the same on x86-64 and aarch64.
export const TCGETS = 0x5401
export const TCSETS = 0x5402
export const TIOCSCTTY = 0x540e
export const TIOCGPGRP = 0x540f
export const TIOCGWINSZ = 0x5413
export const TIOCSWINSZ = 0x5414
export const TIOCSPTLCK = 0x40045431
export const TIOCGPTPEER = 0x5441

// c_iflag
export const IGNBRK = 0x1
export const BRKINT = 0x2
export const PARMRK = 0x8
export const ISTRIP = 0x20
export const INLCR = 0x40
export const IGNCR = 0x80
export const ICRNL = 0x100
export const IXON = 0x400

// c_oflag
export const OPOST = 0x1
export const ONLCR = 0x4

// c_cflag
export const CSIZE = 0x30
export const CS8 = 0x30
export const PARENB = 0x100

// c_lflag
export const ISIG = 0x1
export const ICANON = 0x2
export const ECHO = 0x8
export const ECHONL = 0x40
export const IEXTEN = 0x8000

// c_cc
export const VEOF = 4
export const VTIME = 5
export const VMIN = 6
