import { expect, test } from 'vitest'
import { parseTrace } from './strace.ts'

const text = `4165  openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 24
4165  read(24, ""..., 65536) = 1221
4214  read(4,  <unfinished ...>
4165  pread64(24, ""..., 100, 0) = 100
4165  read(24, "", 65536) = 0
4214  <... read resumed>""..., 8) = 8
4165  read(24, 0x7ffd, 8) = -1 EAGAIN (Resource temporarily unavailable)
4165  readlinkat(AT_FDCWD, "/x", "y", 4096) = 17
4165  --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---
4213  +++ exited with 0 +++
4165  exit_group(0) = ?
`

test('parseTrace() counts a call that was interrupted in the listing once', () => {
  const { calls, byName } = parseTrace(text)
  expect(calls).toBe(8)
  expect(byName[0]).toEqual(['read', 4])
})

test('parseTrace() adds up what was read, whole or resumed, and no failures', () => {
  expect(parseTrace(text).bytesRead).toBe(1221 + 100 + 8)
})
