// Checks of `linux.seccomp` (config-linux.md, Seccomp).

import type { Seccomp, SeccompAction } from '../../../spec/generated/config.ts'
import { actions } from '../../plan/seccomp/actions.ts'
import { asksAgent, withReceiver } from '../../plan/seccomp/plan.ts'
import { type Check, type Complaint, firstOf, outside, relative } from './namespacesOf.ts'

type SeccompCheck = (seccomp: Seccomp) => Complaint | undefined

const OF_SECCOMP: readonly SeccompCheck[] = [errnosFitActions, argumentsExist, listenerIsAbsolute, notifyHasListener]

/** Pointers begin with `/linux/seccomp`. */
export const SECCOMP_CHECKS: readonly Check[] = OF_SECCOMP.map(check => ({ linux, annotations }) => {
  const complaint = linux?.seccomp && check(withReceiver(linux.seccomp, annotations))
  return complaint && { ...complaint, pointer: `/linux/seccomp${complaint.pointer}` }
})

function errnosFitActions({ defaultAction, defaultErrnoRet, syscalls }: Seccomp): Complaint | undefined {
  return (
    wrongErrno(defaultAction, defaultErrnoRet, '/defaultErrnoRet') ??
    firstOf(syscalls, '/syscalls', ({ action, errnoRet }) => wrongErrno(action, errnoRet, '/errnoRet'))
  )
}

function wrongErrno(action: SeccompAction, errno: number | undefined, pointer: string): Complaint | undefined {
  if (errno === undefined) return undefined
  const { most } = actions[action]
  return most === undefined ? { pointer, reason: `${action} takes no errno` } : outside(errno, 0, most, pointer)
}

/** A system call has six arguments. */
function argumentsExist({ syscalls }: Seccomp): Complaint | undefined {
  return firstOf(syscalls, '/syscalls', ({ args }) =>
    firstOf(args, '/args', ({ index }) => outside(index, 0, 5, '/index')),
  )
}

function listenerIsAbsolute({ listenerPath }: Seccomp): Complaint | undefined {
  return relative(listenerPath === '' ? undefined : listenerPath, '/listenerPath')
}

function notifyHasListener(seccomp: Seccomp): Complaint | undefined {
  if (seccomp.listenerPath || !asksAgent(seccomp)) return undefined
  return { pointer: '/listenerPath', reason: 'is missing; SCMP_ACT_NOTIFY needs the socket of an agent to ask' }
}
