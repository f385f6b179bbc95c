import { EACCES, EPERM, EROFS } from '../../../native/abi/errno.ts'
import { AT_FDCWD, W_OK } from '../../../native/abi/fcntl.ts'
import { S_IFCHR, S_IFMT } from '../../../native/abi/stat.ts'
import { topmost } from '../../kernel/mountinfo.ts'
import { dirname, isWithin } from '../../paths.ts'
import { type DoctorCheck, type Facts, type CheckResult, ok, problem, warning } from './checkResult.ts'

/** File systems that containers usually have. */
const NEEDED = ['proc', 'sysfs', 'tmpfs', 'devpts', 'mqueue', 'cgroup2']

/** File systems, /proc, /dev/null, the root, and where containers are kept. */
export const checkFiles: DoctorCheck = facts => [
  ...checkFileSystems(facts),
  ...checkProc(facts),
  ...checkNull(facts),
  ...checkRootMount(facts),
  checkState(facts),
]

function checkFileSystems({ outside, rootless }: Facts): CheckResult[] {
  const area = 'file systems'
  const lines = outside.readTextIfAny(AT_FDCWD, '/proc/filesystems')?.split('\n') ?? []
  const there = lines.map(line => line.split('\t')[1] ?? '')
  const missing = NEEDED.filter(name => !there.includes(name))
  const findings = missing.map(name =>
    warning(
      area,
      `this kernel has no ${name}, which most containers mount`,
      `use a kernel with ${name}, or leave it out`,
    ),
  )
  if (!there.includes('overlay'))
    findings.push(
      warning(
        area,
        'overlay is not there (yet): images of engines have nothing to lie on',
        'modprobe overlay, or install fuse-overlayfs',
      ),
    )
  const fuse = outside.statx(AT_FDCWD, '/dev/fuse').stat !== undefined
  if (!fuse && rootless && !there.includes('overlay'))
    findings.push(warning(area, '/dev/fuse is missing, which fuse-overlayfs needs', 'modprobe fuse'))
  return findings.length === 0 ? [ok(area, `${NEEDED.join(', ')} and overlay are there`)] : findings
}

function checkProc({ mounts, rootless }: Facts): CheckResult[] {
  const area = '/proc'
  const proc = topmost(mounts, '/proc')
  if (proc?.type !== 'proc') return [problem(area, '/proc is no procfs', 'mount -t proc proc /proc')]
  const hidden = proc.superOptions.find(option => /^hidepid=(?!0$|off$)/.test(option))
  const covered = mounts.filter(
    ({ target }) => target !== '/proc' && isWithin(target, '/proc') && !target.startsWith('/proc/sys/fs/binfmt_misc'),
  )
  const findings: CheckResult[] = []
  if (hidden !== undefined && rootless)
    findings.push(
      warning(
        area,
        `\`${hidden}\` hides processes, those of containers among them`,
        'mount -o remount,hidepid=0 /proc',
      ),
    )
  if (covered.length > 0 && rootless)
    findings.push(
      warning(
        area,
        `parts of it are covered (${covered[0]!.target}), so the kernel lets no user namespace mount a procfs of its own`,
        'start the container that tsrun runs in with nothing masked (podman: --security-opt unmask=ALL)',
      ),
    )
  return findings.length === 0 ? [ok(area, 'procfs is mounted, and shows what it should')] : findings
}

function checkNull({ outside }: Facts): CheckResult[] {
  const stat = outside.statx(AT_FDCWD, '/dev/null').stat
  if (stat !== undefined && (stat.mode & S_IFMT) === S_IFCHR && stat.rdevMajor === 1 && stat.rdevMinor === 3) return []
  return [
    problem(
      '/dev',
      '/dev/null is not the null device, which is laid over what containers may not see',
      'rm /dev/null; mknod -m 666 /dev/null c 1 3',
    ),
  ]
}

function checkRootMount({ mounts }: Facts): CheckResult[] {
  if (topmost(mounts, '/')?.type !== 'rootfs') return []
  return [warning('/', 'the root is an initramfs, which pivot_root(2) can not leave', 'use --no-pivot')]
}

/** The directory, or the lowest one above it that is there, must be ours to write. */
function checkState({ outside, runtime: { root }, rootless }: Facts): CheckResult {
  const area = 'state'
  let directory = root
  while (directory !== '/' && outside.statx(AT_FDCWD, directory, 0, 'any').stat === undefined)
    directory = dirname(directory)
  const result = outside.now({ name: 'faccessat', args: [AT_FDCWD, directory, W_OK], tolerate: [EACCES, EROFS, EPERM] })
  if (result >= 0) return ok(area, `containers are kept in \`${root}\``)
  const fix = rootless ? 'set XDG_RUNTIME_DIR to a directory of yours, or give --root' : 'give another one with --root'
  return problem(area, `containers can not be kept in \`${root}\`: \`${directory}\` is not ours to write`, fix)
}
