import {
  BPF_CGROUP_DEVICE,
  BPF_F_ALLOW_MULTI,
  BPF_F_REPLACE,
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_PROG_ATTACH,
  BPF_PROG_DETACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_QUERY,
} from '../../native/abi/bpf.ts'
import { ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import { BPF_ATTACH, BPF_ID, BPF_INFO, BPF_PROG_INFO, BPF_QUERY } from '../../native/abi/layout/filter.ts'
import { Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Out, Struct } from '../../native/struct.ts'
import { decode } from '../../native/utf8.ts'
import { doing, HostError, isErrno } from '../errors.ts'
import type { DeviceRuleInput } from '../plan/devices/deviceRules.ts'
import { loadDeviceFilter } from './deviceFilter.ts'

/** Enough of union bpf_attr for the commands used here. */
const ATTR_SIZE = 32

/**
 * All of its `query`. From Linux 6.17 until it was mended the kernel writes the last word, `revision`, whatever the size: into
 * what lies behind the attributes, if they are shorter.
 */
const QUERY_SIZE = 64

/** BPF_CGROUP_MAX_PROGS of the kernel: a cgroup has no more programs of one kind. */
const MAX_PROGRAMS = 64

/** `struct bpf_prog_info` up to the program's name. */
const INFO_SIZE = BPF_PROG_INFO.name + 16

/** The name under which loadDeviceFilter() loads programs; others in the cgroup are somebody else's. */
const OURS = 'tsrun'

/**
 * Replaces a running container's device filter by one for new rules, in one step: at no moment is there none, or two. A
 * container without a filter gets one; rules that allow everything take it away. Errors: HostError when the kernel does
 * not let us, KernelError.
 */
export function replaceDeviceFilter(
  outside: Kernel<'outside'>,
  cgroup: string,
  rules: readonly DeviceRuleInput[] | undefined,
): void {
  doing('device filter', () => {
    using fds = new Fds()
    const directory = fds.keep(outside.openat(AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY))
    const program = loadDeviceFilter(outside, rules, fds)
    if (program?.exists === false)
      throw new HostError('the kernel does not let us load one (CAP_BPF and CAP_NET_ADMIN or CAP_SYS_ADMIN are needed)')
    const old = ownProgram(outside, directory, fds)
    if (program) attach(outside, directory, program, old)
    else if (old) detach(outside, directory, old)
  })
}

/** Is the filter of ours at the cgroup? Undefined when the kernel does not tell us. */
export function hasDeviceFilter(outside: Kernel<'outside'>, cgroup: string): boolean | undefined {
  using fds = new Fds()
  const directory = fds.keep(outside.openat(AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY, 0, [ENOENT]))
  if (!directory.exists) return undefined
  try {
    return ownProgram(outside, directory, fds) !== undefined
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES')) return undefined
    throw error
  }
}

/** The program that we attached to this very cgroup; undefined when there is none. */
function ownProgram(outside: Kernel<'outside'>, directory: Fd<'outside'>, fds: Fds): Fd<'outside'> | undefined {
  for (const id of attachedPrograms(outside, directory)) {
    const number = outside.bpf(BPF_PROG_GET_FD_BY_ID, new Struct(ATTR_SIZE).u32(BPF_ID.prog_id, id), `program ${id}`, [
      ENOENT,
    ])
    if (number < 0) continue // detached and gone meanwhile
    const program = fds.keep(new Fd(outside, number, `program ${id}`))
    if (programName(outside, program) === OURS) return program
  }
  return undefined
}

/** BPF_PROG_QUERY: the ids of a cgroup's own device programs. The kernel fills in as many as there are; no id is 0. */
function attachedPrograms(outside: Kernel<'outside'>, directory: Fd<'outside'>): number[] {
  const ids = new Out(4 * MAX_PROGRAMS)
  const attr = new Struct(QUERY_SIZE)
    .u32(BPF_QUERY.target_fd, directory.number)
    .u32(BPF_QUERY.attach_type, BPF_CGROUP_DEVICE)
    .word(BPF_QUERY.prog_ids, ids)
    .u32(BPF_QUERY.prog_cnt, MAX_PROGRAMS)
  outside.bpf(BPF_PROG_QUERY, attr, 'find the device filter')
  const { view } = ids
  return Array.from({ length: MAX_PROGRAMS }, (_, i) => view.getUint32(4 * i, true)).filter(id => id !== 0)
}

/** BPF_OBJ_GET_INFO_BY_FD: what the program was called when it was loaded. */
function programName(outside: Kernel<'outside'>, program: Fd<'outside'>): string {
  const info = new Out(INFO_SIZE)
  const attr = new Struct(ATTR_SIZE)
    .u32(BPF_INFO.bpf_fd, program.number)
    .u32(BPF_INFO.info_len, INFO_SIZE)
    .word(BPF_INFO.info, info)
  outside.bpf(BPF_OBJ_GET_INFO_BY_FD, attr, program.subject)
  const name = info.bytes.subarray(BPF_PROG_INFO.name)
  const end = name.indexOf(0)
  return decode(end < 0 ? name : name.subarray(0, end))
}

/** BPF_PROG_ATTACH, in the place of `old` if there is one; see BPF_F_REPLACE, since Linux 5.6. */
function attach(
  outside: Kernel<'outside'>,
  directory: Fd<'outside'>,
  program: Fd<'outside'>,
  old: Fd<'outside'> | undefined,
): void {
  const attr = new Struct(ATTR_SIZE)
    .u32(BPF_ATTACH.target_fd, directory.number)
    .u32(BPF_ATTACH.attach_bpf_fd, program.number)
    .u32(BPF_ATTACH.attach_type, BPF_CGROUP_DEVICE)
    .u32(BPF_ATTACH.attach_flags, old ? BPF_F_ALLOW_MULTI | BPF_F_REPLACE : BPF_F_ALLOW_MULTI)
    .u32(BPF_ATTACH.replace_bpf_fd, old?.number ?? 0)
  outside.bpf(BPF_PROG_ATTACH, attr, old ? 'replace the device filter' : 'attach the device filter')
}

function detach(outside: Kernel<'outside'>, directory: Fd<'outside'>, program: Fd<'outside'>): void {
  const attr = new Struct(ATTR_SIZE)
    .u32(BPF_ATTACH.target_fd, directory.number)
    .u32(BPF_ATTACH.attach_bpf_fd, program.number)
    .u32(BPF_ATTACH.attach_type, BPF_CGROUP_DEVICE)
  outside.bpf(BPF_PROG_DETACH, attr, 'detach the device filter')
}
