import { EINVAL, ENOSYS } from '../../native/abi/errno.ts'
import { AT_FDCWD, MFD_CLOEXEC, MFD_EXEC } from '../../native/abi/fcntl.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { type Check, type Facts, type Finding, ok, problem, warning } from './finding.ts'

const AREA = 'kernel'
const OLDEST = [5, 14] as const

/**
 * Calls without which there are no containers, with arguments that the kernel refuses before it does anything, and since
 * when it has them.
 */
const CALLS: readonly (Pick<Call, 'args'> & { readonly name: Call['name']; readonly since: string })[] = [
  { name: 'clone3', args: [null, 0], since: '5.3' },
  { name: 'openat2', args: [AT_FDCWD, '', null, 0], since: '5.6' },
  { name: 'open_tree', args: [-1, '', 0xffff_ffff], since: '5.2' },
  { name: 'move_mount', args: [-1, '', -1, '', 0xffff_ffff], since: '5.2' },
  { name: 'fsopen', args: [null, 0xffff_ffff], since: '5.2' },
  { name: 'mount_setattr', args: [-1, '', 0, null, 0], since: '5.12' },
  { name: 'close_range', args: [1, 0, 0], since: '5.9' },
  { name: 'pidfd_open', args: [-1, 0], since: '5.3' },
  { name: 'pidfd_send_signal', args: [-1, 0, null, 0], since: '5.1' },
]

/** The version, the processor, and the system calls. */
export const checkKernel: Check = facts => [checkVersion(facts), ...checkCalls(facts), checkMemfd(facts)]

function checkVersion({ outside, host: { arch } }: Facts): Finding {
  const release = outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/osrelease')?.trim() ?? 'unknown'
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat)
  const text = `Linux ${release} on ${arch === 'aarch64' ? 'aarch64' : 'x86-64'}`
  if (arch !== 'x86_64')
    return problem(AREA, `${text}: tsrun makes containers on x86-64 only`, 'use a machine with such a processor')
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  return isOld ? problem(AREA, `${text} is too old`, `install Linux ${OLDEST.join('.')} or newer`) : ok(AREA, text)
}

function checkCalls({ outside }: Facts): Finding[] {
  const missing = CALLS.filter(({ name, args }) => outside.now({ name, args, tolerate: 'any' }) === -ENOSYS)
  if (missing.length === 0) return [ok(AREA, 'every system call that containers need is there')]
  const newest = Math.max(...missing.map(({ since }) => Number(since.split('.')[1])))
  return [
    problem(
      AREA,
      `system calls are missing: ${missing.map(({ name }) => name).join(', ')}`,
      `install Linux 5.${newest} or newer, or, in a container, let its seccomp profile know these calls`,
    ),
  ]
}

/** The executor is a program in memory; see vm.memfd_noexec in Documentation/admin-guide/sysctl/vm.rst, since 6.3. */
function checkMemfd({ outside }: Facts): Finding {
  using fd = outside.memfdCreate('tsrun', MFD_CLOEXEC | MFD_EXEC, 'any')
  if (fd.exists || fd.number === -EINVAL) return ok(AREA, 'programs in memory (memfd) can be executed')
  return problem(
    AREA,
    'no program in memory (memfd) can be executed, and the first process of a container is one',
    'sysctl vm.memfd_noexec=1',
  )
}

/** What seccomp(2) has to offer. */
export const checkSeccomp: Check = ({ outside }) => {
  const actions = outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/seccomp/actions_avail')?.trim()
  if (actions === undefined)
    return [
      warning(
        'seccomp',
        'this kernel has no filters of system calls, so containers with linux.seccomp are refused',
        'use a kernel with CONFIG_SECCOMP_FILTER (podman: --security-opt seccomp=unconfined)',
      ),
    ]
  const ours = /^Seccomp:\s*2$/m.test(outside.readTextIfAny(AT_FDCWD, '/proc/self/status') ?? '')
  const text = `filters of system calls can be had${actions.includes('user_notif') ? ', with agents' : ''}`
  return [ok('seccomp', ours ? `${text}; tsrun itself runs under one, which holds for its containers, too` : text)]
}
