import { EINVAL, ENOSYS } from '../../../native/abi/errno.ts'
import { AT_FDCWD, MFD_CLOEXEC, MFD_EXEC } from '../../../native/abi/fcntl.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { isFiltered, isForbidden, NEEDED_CALLS, type NeededCall } from '../../host/denied.ts'
import { type DoctorCheck, type Facts, type CheckResult, ok, problem, warning } from './checkResult.ts'

const AREA = 'kernel'
const OLDEST = [5, 14] as const

/** The version, the processor, and the system calls. */
export const checkKernel: DoctorCheck = facts => [checkVersion(facts), ...checkCalls(facts), checkMemfd(facts)]

function checkVersion({ outside, host: { arch } }: Facts): CheckResult {
  const release = outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/osrelease')?.trim() ?? 'unknown'
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat)
  const text = `Linux ${release} on ${arch === 'aarch64' ? 'arm64' : 'x86-64'}`
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  return isOld ? problem(AREA, `${text} is too old`, `install Linux ${OLDEST.join('.')} or newer`) : ok(AREA, text)
}

function checkCalls({ outside }: Facts): CheckResult[] {
  const missing = NEEDED_CALLS.filter(({ name, args }) => outside.now({ name, args, tolerate: 'any' }) === -ENOSYS)
  const forbidden = NEEDED_CALLS.filter(call => isForbidden(outside, call))
  const findings = [...checkRefused(outside, 'missing', missing), ...checkRefused(outside, 'denied', forbidden)]
  return findings.length > 0 ? findings : [ok(AREA, 'every system call that containers need is there')]
}

function checkRefused(outside: Kernel<'outside'>, how: string, calls: readonly NeededCall[]): CheckResult[] {
  const found = calls.map(({ name, otherwise }) => ({ name, other: otherwise?.(outside) }))
  const needed = found.filter(({ other }) => other === undefined).map(({ name }) => name)
  const fix = isFiltered(outside)
    ? 'let the seccomp filter that tsrun runs under allow them'
    : `install Linux ${OLDEST.join('.')} or newer`
  const replaced = found
    .filter(({ other }) => other !== undefined)
    .map(({ name, other }) => ok(AREA, `${name} is ${how}: ${other} will do instead, which is slower`))
  return needed.length > 0
    ? [problem(AREA, `system calls are ${how}: ${needed.join(', ')}`, fix), ...replaced]
    : replaced
}

/** The executor is a program in memory; see vm.memfd_noexec in Documentation/admin-guide/sysctl/vm.rst, since 6.3. */
function checkMemfd({ outside }: Facts): CheckResult {
  using fd = outside.memfdCreate('tsrun', MFD_CLOEXEC | MFD_EXEC, 'any')
  if (fd.exists || fd.number === -EINVAL) return ok(AREA, 'programs in memory (memfd) can be executed')
  return problem(
    AREA,
    'no program in memory (memfd) can be executed, and the first process of a container is one',
    'sysctl vm.memfd_noexec=1',
  )
}

/** What seccomp(2) has to offer. */
export const checkSeccomp: DoctorCheck = ({ outside }) => {
  const actions = outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/seccomp/actions_avail')?.trim()
  if (actions === undefined)
    return [
      warning(
        'seccomp',
        'this kernel has no filters of system calls, so containers with linux.seccomp are refused',
        'use a kernel with CONFIG_SECCOMP_FILTER (podman: --security-opt seccomp=unconfined)',
      ),
    ]
  const ours = isFiltered(outside)
  const text = `filters of system calls can be had${actions.includes('user_notif') ? ', with agents' : ''}`
  return [ok('seccomp', ours ? `${text}; tsrun itself runs under one, which holds for its containers, too` : text)]
}
