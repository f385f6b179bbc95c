import {
  BPF_CGROUP_DEVICE,
  BPF_F_ALLOW_MULTI,
  BPF_PROG_ATTACH,
  BPF_PROG_LOAD,
  BPF_PROG_TYPE_CGROUP_DEVICE,
} from '../../native/abi/bpf.ts'
import { EACCES, EAGAIN, EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import { BPF_ATTACH, BPF_INSN, BPF_LOAD } from '../../native/abi/layout/filter.ts'
import { Fd, type Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Struct } from '../../native/struct.ts'
import { doing, HostError } from '../errors.ts'
import { programFor } from '../plan/devices/deviceProgram.ts'
import type { DeviceRuleInput } from '../plan/devices/deviceRules.ts'

/** Enough of union bpf_attr for the commands used here; the kernel takes any size whose rest is zero. */
const ATTR_SIZE = 72
const LOAD_TRIES = 10

/** BPF_PROG_LOAD of a device program, see bpf(2). `exists` is false where the kernel does not let us. */
function loadProgram(outside: Kernel<'outside'>, instructions: Uint8Array): Fd<'outside'> {
  const attr = new Struct(ATTR_SIZE)
    .u32(BPF_LOAD.prog_type, BPF_PROG_TYPE_CGROUP_DEVICE)
    .u32(BPF_LOAD.insn_cnt, instructions.length / BPF_INSN.size)
    .word(BPF_LOAD.insns, instructions)
    .word(BPF_LOAD.license, 'Apache-2.0')
  attr.bytes.set([0x74, 0x73, 0x72, 0x75, 0x6e], BPF_LOAD.prog_name) // the name, "tsrun"
  // EAGAIN: a signal came while the kernel verified the program.
  for (let tries = 0; ; tries++) {
    const tolerated = tries < LOAD_TRIES ? [EPERM, EACCES, EAGAIN] : [EPERM, EACCES]
    const number = outside.bpf(BPF_PROG_LOAD, attr, 'load the device filter', tolerated)
    if (number !== -EAGAIN) return new Fd(outside, number, 'device filter')
  }
}

/** BPF_PROG_ATTACH to a cgroup, beside the programs of the cgroups above: all of them have to allow. */
function attachProgram(outside: Kernel<'outside'>, cgroup: Fd<'outside'>, program: Fd<'outside'>): boolean {
  const attr = new Struct(ATTR_SIZE)
    .u32(BPF_ATTACH.target_fd, cgroup.number)
    .u32(BPF_ATTACH.attach_bpf_fd, program.number)
    .u32(BPF_ATTACH.attach_type, BPF_CGROUP_DEVICE)
    .u32(BPF_ATTACH.attach_flags, BPF_F_ALLOW_MULTI)
  return outside.bpf(BPF_PROG_ATTACH, attr, 'attach the device filter', [EPERM, EACCES]) >= 0
}

/**
 * The program for config.json#/linux/resources/devices, loaded into the kernel for a cgroup that may not be there yet;
 * undefined when there is nothing to filter. `fds` closes it.
 */
export function loadDeviceFilter(
  outside: Kernel<'outside'>,
  rules: readonly DeviceRuleInput[] | undefined,
  fds: Fds,
): Fd<'outside'> | undefined {
  const { allowsAll, instructions } = programFor(rules)
  return allowsAll ? undefined : doing('device filter', () => fds.keep(loadProgram(outside, instructions)))
}

/**
 * Makes a cgroup's processes obey the filter. An unprivileged runtime may not load programs: then there is no filter, as
 * with crun and runc, since such a container has no rights to devices to begin with.
 */
export function attachDeviceFilter(
  outside: Kernel<'outside'>,
  cgroup: string,
  program: Fd<'outside'>,
  rootless: boolean,
): void {
  doing('device filter', () => {
    using directory = outside.openat(AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY)
    if (program.exists && attachProgram(outside, directory, program)) return
    if (!rootless)
      throw new HostError(
        'the kernel does not let us filter devices (CAP_BPF and CAP_NET_ADMIN or CAP_SYS_ADMIN are needed)',
      )
  })
}
