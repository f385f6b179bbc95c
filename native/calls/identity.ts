import { SOCK_FILTER, SOCK_FPROG } from '../abi/layout/filter.ts'
import { CAP_DATA, CAP_HEADER } from '../abi/layout/process.ts'
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
} from '../abi/prctl.ts'
import { SECCOMP_SET_MODE_FILTER } from '../abi/seccomp.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import type { Result } from '../kernels/result.ts'
import { Out, Struct } from '../struct.ts'

const LINUX_CAPABILITY_VERSION_3 = 0x20080522

/** The three sets of a thread, as bit masks. */
export interface CapabilitySets {
  readonly effective: bigint
  readonly permitted: bigint
  readonly inheritable: bigint
}

const SETS = ['effective', 'permitted', 'inheritable'] as const

const low = (mask: bigint) => Number(mask & 0xffffffffn)
const high = (mask: bigint) => Number(mask >> 32n)

function header(): Struct {
  return new Struct(CAP_HEADER.size).u32(CAP_HEADER.version, LINUX_CAPABILITY_VERSION_3)
}

const filterHints: Call['hint'] = {
  EACCES: 'a filter needs CAP_SYS_ADMIN, or process.noNewPrivileges',
  EBUSY: 'an agent is asked about the runtime itself already, and a process can have only one',
  EINVAL: 'this kernel has no filters of system calls (CONFIG_SECCOMP_FILTER) or does not know one of the flags',
  ENOMEM: 'with the filters that the runtime itself has, it is too large',
}

export const identityCalls = {
  /** setresuid(uid, uid, uid), see setresuid(2). */
  setresuid(this: Calls, uid: number): void {
    const hint = { EINVAL: 'the user namespace maps no such user' }
    this.later({ name: 'setresuid', args: [uid, uid, uid], subject: `user ${uid}`, hint })
  },

  /** setresgid(gid, gid, gid), see setresgid(2). */
  setresgid(this: Calls, gid: number): void {
    const hint = { EINVAL: 'the user namespace maps no such group' }
    this.later({ name: 'setresgid', args: [gid, gid, gid], subject: `group ${gid}`, hint })
  },

  /** setgroups(count, groups), see setgroups(2). */
  setgroups(this: Calls, groups: readonly number[], tolerate?: Call['tolerate']): void {
    const list = new Struct(4 * groups.length)
    groups.forEach((group, i) => {
      list.u32(4 * i, group)
    })
    const hint = {
      EINVAL: 'the user namespace does not map all these groups',
      EPERM: 'this user namespace does not allow setgroups',
    }
    this.later({ name: 'setgroups', args: [groups.length, list], subject: `[${groups.join(', ')}]`, tolerate, hint })
  },

  /** capset(header, sets) of the calling thread, see capset(2). */
  capset(this: Calls, sets: CapabilitySets, hint?: Call['hint']): void {
    const data = new Struct(2 * CAP_DATA.size)
    for (const set of SETS) data.u32(CAP_DATA[set], low(sets[set])).u32(CAP_DATA.size + CAP_DATA[set], high(sets[set]))
    this.later({ name: 'capset', args: [header(), data], hint })
  },

  /** capget(header, sets) of the calling thread, see capget(2). */
  capget(this: Calls): CapabilitySets {
    const out = new Out(2 * CAP_DATA.size)
    this.now({ name: 'capget', args: [header(), out] })
    const half = (at: number) => BigInt(out.view.getUint32(at, true))
    const set = (at: number) => half(at) | (half(CAP_DATA.size + at) << 32n)
    return {
      effective: set(CAP_DATA.effective),
      permitted: set(CAP_DATA.permitted),
      inheritable: set(CAP_DATA.inheritable),
    }
  },

  /** prctl(PR_CAPBSET_DROP, capability), see PR_CAPBSET_DROP(2const). */
  dropBounding(this: Calls, capability: number, name: string, tolerate?: Call['tolerate']): void {
    this.later({ name: 'prctl', args: [PR_CAPBSET_DROP, capability, 0, 0, 0], subject: `drop ${name}`, tolerate })
  },

  /** prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability), see capabilities(7). */
  raiseAmbient(this: Calls, capability: number, name: string, tolerate?: Call['tolerate']): void {
    const args = [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0]
    this.later({ name: 'prctl', args, subject: `raise ambient ${name}`, tolerate })
  },

  /** prctl(PR_SET_KEEPCAPS, on): permitted capabilities survive the change of user; an execve clears it. */
  keepCapabilities(this: Calls): void {
    this.later({ name: 'prctl', args: [PR_SET_KEEPCAPS, 1, 0, 0, 0] })
  },

  /** prctl(PR_SET_DUMPABLE, 0): nobody in the container may ptrace or look into this process. */
  notDumpable(this: Calls): void {
    this.later({ name: 'prctl', args: [PR_SET_DUMPABLE, 0, 0, 0, 0] })
  },

  /** prctl(PR_SET_NO_NEW_PRIVS, 1), see PR_SET_NO_NEW_PRIVS(2const). */
  noNewPrivileges(this: Calls): void {
    this.later({ name: 'prctl', args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] })
  },

  /**
   * seccomp(SECCOMP_SET_MODE_FILTER, flags, program), see seccomp(2). With SECCOMP_FILTER_FLAG_NEW_LISTENER the result is a
   * descriptor.
   */
  loadFilter(this: Calls, flags: number, program: Uint8Array): Result {
    const header = new Struct(SOCK_FPROG.size)
      .u16(SOCK_FPROG.len, program.length / SOCK_FILTER.size)
      .word(SOCK_FPROG.filter, program)
    return this.later({ name: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, flags, header], hint: filterHints })
  },

  /** prctl(PR_SET_PDEATHSIG, signal), see PR_SET_PDEATHSIG(2const). */
  parentDeathSignal(this: Calls, signal: number): void {
    this.later({ name: 'prctl', args: [PR_SET_PDEATHSIG, signal, 0, 0, 0] })
  },
}
