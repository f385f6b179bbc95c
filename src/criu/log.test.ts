import { expect, test } from 'vitest'
import { adviceFor, quoteErrors } from './log.ts'

test('quoteErrors() gives the first errors without times, and not those that tell nothing', () => {
  const log = [
    '(00.000001) Version: 4.2.1 (gitid 0)',
    "(00.047290) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted",
    "(00.062026) Error (criu/files-reg.c:1790): Can't lookup mount=43 for fd=1 path=/out",
    '(00.062039) Error (criu/cr-dump.c:1545): Dump files (pid: 8159) failed with -1',
    '(00.111070) Error (criu/cr-dump.c:1975): Dumping FAILED.',
  ].join('\n')
  expect(quoteErrors(log)).toBe("Can't lookup mount=43 for fd=1 path=/out; Dump files (pid: 8159) failed with -1")
})

test('quoteErrors() understands lines of the processes that are being restored', () => {
  expect(quoteErrors('(00.100000)      1: Error (criu/mount.c:2): mnt: Unable to mount x\n')).toBe(
    'mnt: Unable to mount x',
  )
})

test('quoteErrors() says errnos by name, since engines take these words for a missing executable', () => {
  expect(quoteErrors("Error (criu/image.c:1): Can't open a.img: No such file or directory")).toBe(
    "Can't open a.img: ENOENT",
  )
})

test('quoteErrors() finds nothing in a log without errors', () => {
  expect(quoteErrors('(00.1) Warn  (criu/x.c:1): Error in spelling\n')).toBe(undefined)
})

test('adviceFor() knows that CRIU restores no read-only root', () => {
  const error = "1: Error (criu/mount.c:2955): mnt: Can't create a temporary directory: Read-only file system"
  expect(adviceFor(`(01.205450)      ${error}\n`)).toMatch(/root file system is read-only/)
  expect(adviceFor('(00.1) Error (criu/x.c:1): other')).toBe(undefined)
})
