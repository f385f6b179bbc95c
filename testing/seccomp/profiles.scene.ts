// Profiles for tests: podman's, and one with what is special about docker's.

import type { Seccomp, SeccompRule } from '../../spec/generated/config.ts'

/** Where podman has its profile. */
export const INSTALLED = '/usr/share/containers/seccomp.json'

interface Condition {
  readonly arches?: readonly string[]
  readonly caps?: readonly string[]
}

interface ConditionalRule extends SeccompRule {
  readonly includes?: Condition
  readonly excludes?: Condition
}

/** What podman makes of its profile for a container on x86-64 with no capability that the profile asks for. */
export function podmanProfile(text: string): Seccomp {
  const { defaultAction, defaultErrnoRet, syscalls } = JSON.parse(text)
  const rules = (syscalls as ConditionalRule[]).filter(
    ({ includes }) => !includes?.caps?.length && (!includes?.arches?.length || includes.arches.includes('amd64')),
  )
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: rules.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet !== undefined && errnoRet !== null && { errnoRet }),
      ...(args && { args }),
    })),
  }
}

const socket = (...args: NonNullable<SeccompRule['args']>): SeccompRule => ({
  names: ['socket'],
  action: 'SCMP_ACT_ALLOW',
  args,
})

/** EPERM by default but ENOSYS for clone3, address families one by one, flags of clone by a mask. */
export const DOCKER_SHAPED: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38, // so that there is no ENOSYS for newer calls, which libseccomp has not
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  syscalls: [
    {
      names: ['read', 'write', 'openat', 'close', 'futex', 'mmap', 'ipc', 'socketcall', 'bind', 'cachestat'],
      action: 'SCMP_ACT_ALLOW',
    },
    socket({ index: 0, value: 12, op: 'SCMP_CMP_LT' }),
    ...[13, 16, 17, 39, 41].map(value => socket({ index: 0, value, op: 'SCMP_CMP_EQ' })),
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 0x7e020000, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['clone3', 'bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    {
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [
        { index: 0, value: 0, op: 'SCMP_CMP_EQ' },
        { index: 0, value: 0xffffffff, op: 'SCMP_CMP_EQ' },
      ],
    },
  ],
}

/** Calls that some architectures have behind others only. */
export const MULTIPLEXED: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  syscalls: [
    { names: ['read', 'bind', 'accept', 'semop', 'shmat', 'sendmmsg'], action: 'SCMP_ACT_ALLOW' },
    { names: ['recv', 'msgget'], action: 'SCMP_ACT_LOG' },
  ],
}
