// Some architectures have calls that stand for several others: socketcall(2), ipc(2).

import { SECCOMP_RET_ALLOW, SECCOMP_RET_LOG } from '../../../native/abi/seccomp.ts'
import { type Condition, type Decision, type Rule, word } from './profile.ts'

interface Multiplexer {
  /** By name: the first argument that stands for the call. */
  readonly members: Readonly<Record<string, number>>
  /** The bits of that argument that say so. */
  readonly mask: number
}

export const multiplexers: Readonly<Record<string, Multiplexer>> = {
  // SYS_* of <linux/net.h>
  socketcall: {
    mask: 0xffff_ffff,
    members: {
      socket: 1,
      bind: 2,
      connect: 3,
      listen: 4,
      accept: 5,
      getsockname: 6,
      getpeername: 7,
      socketpair: 8,
      send: 9,
      recv: 10,
      sendto: 11,
      recvfrom: 12,
      shutdown: 13,
      setsockopt: 14,
      getsockopt: 15,
      sendmsg: 16,
      recvmsg: 17,
      accept4: 18,
      recvmmsg: 19,
      sendmmsg: 20,
    },
  },
  // <linux/ipc.h>; a version stands above these bits
  ipc: {
    mask: 0xffff,
    members: {
      semop: 1,
      semget: 2,
      semctl: 3,
      semtimedop: 4,
      msgsnd: 11,
      msgrcv: 12,
      msgget: 13,
      msgctl: 14,
      shmat: 21,
      shmdt: 22,
      shmget: 23,
      shmctl: 24,
    },
  },
}

/**
 * Adds what is said of the calls behind a multiplexer to the decision about that, unless a rule settles it by its own name.
 * A filter sees no arguments of these calls, as they lie in memory. So a rule with conditions counts without looking for
 * what it forbids, and not at all for what it allows.
 */
export function demultiplex(decisions: Map<string, Decision>): void {
  for (const [name, { members, mask }] of Object.entries(multiplexers)) {
    const own = decisions.get(name)
    if (own?.always !== undefined) continue
    const rules: Rule[] = [...(own?.rules ?? [])]
    for (const [member, number] of Object.entries(members)) {
      const decision = decisions.get(member)
      const rule = decision && (decision.always ?? decision.rules.find(({ answer }) => !allows(answer)))
      if (rule !== undefined) rules.push({ ...rule, conditions: [isMember(number, mask)] })
    }
    if (rules.length > 0) decisions.set(name, { always: undefined, rules })
  }
}

function allows(answer: number): boolean {
  return answer === SECCOMP_RET_ALLOW || answer === SECCOMP_RET_LOG
}

function isMember(number: number, mask: number): Condition {
  return { index: 0, op: 'SCMP_CMP_MASKED_EQ', value: word(mask), second: word(number) }
}
