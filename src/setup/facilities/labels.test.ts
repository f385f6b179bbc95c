import { expect, test } from 'vitest'
import { EPERM } from '../../../native/abi/errno.ts'
import { RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV } from '../../../native/abi/fcntl.ts'
import { PROC_SUPER_MAGIC } from '../../../native/abi/wait.ts'
import { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { knownResult } from '../../../native/kernels/result.ts'
import { HostError } from '../../errors.ts'
import { openLabels } from './labels.ts'

const TMPFS_MAGIC = 0x01021994

/** The files of labels that are opened: in which descriptor, by what path, and with which flags of openat2(2). */
function opened(mayMount: boolean, type: number) {
  const files: [string, string, number][] = []
  const written: string[] = []
  const fd = (subject: string, value = 9) => new Fd(inside as unknown as Kernel<'inside'>, value, subject)
  const inside: Partial<Kernel<'inside'>> = {
    fsopen: () => fd('fs'),
    fsconfigCreate: () => ({ value: 0 }),
    fsmount: () => fd('our own', mayMount ? 9 : -EPERM),
    openat: (_dir, path) => fd(`the one at ${path}`),
    fileSystemType: () => type,
    openat2: (dir, path, _flags, resolve) => {
      files.push([(dir as Fd).subject, path, resolve])
      return fd(path)
    },
    read: () => new TextEncoder().encode('unconfined'),
    rewind: () => {},
    writeText: file => void written.push((file as Fd).subject),
    later: () => knownResult(0),
    now: ({ name, args }) => {
      if (name === 'write') written.push((args[0] as Fd).subject)
      return 0
    },
  }
  openLabels(inside as Kernel<'inside'>, { apparmorProfile: 'mine', selinuxLabel: 'a:b:c', noNewPrivileges: true })
  for (const file of written) expect(files.map(([, path]) => path)).toContain(file)
  return files
}

const beneath = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS
const inside = (procfs: string) =>
  ['apparmor/current', 'apparmor/exec', 'exec', 'keycreate'].map(name => [procfs, `thread-self/attr/${name}`, beneath])

test('labels are written in a procfs that is attached nowhere, and over no mount in it (CVE-2019-16884, CVE-2025-52881)', () => {
  expect(opened(true, TMPFS_MAGIC)).toEqual(inside('our own'))
})

test('where there can be none the one of the host is taken by a descriptor, when it is a procfs', () => {
  expect(opened(false, PROC_SUPER_MAGIC)).toEqual(inside('the one at /proc'))
  expect(() => opened(false, TMPFS_MAGIC)).toThrow(HostError)
})
