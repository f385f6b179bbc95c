import { EACCES, EPERM, EROFS } from '../../../native/abi/errno.ts'
import { AT_FDCWD, W_OK } from '../../../native/abi/fcntl.ts'
import { Fds } from '../../../native/fd.ts'
import { cgroupMount } from '../../cgroup/cgroup.ts'
import { DELEGATION_HINT } from '../../cgroup/controllers.ts'
import { delegatedCgroup } from '../../cgroup/delegation.ts'
import { loadDeviceFilter } from '../../cgroup/deviceFilter.ts'
import { type DoctorCheck, type Facts, type CheckResult, ok, problem, warning } from './checkResult.ts'

const AREA = 'cgroups'
const WANTED = ['cpu', 'cpuset', 'io', 'memory', 'pids']

/** Version 2, who may write there, and what can be limited. */
export const checkCgroups: DoctorCheck = facts => {
  const { outside, rootless } = facts
  const mount = cgroupMount(outside)
  if (mount === undefined) {
    const level = rootless ? warning : problem
    return [
      level(
        AREA,
        'cgroup version 2 is mounted neither at /sys/fs/cgroup nor at /sys/fs/cgroup/unified',
        'boot with systemd.unified_cgroup_hierarchy=1, or mount it; --cgroup-manager disabled does without',
      ),
    ]
  }
  return rootless
    ? checkDelegation(facts, mount)
    : [checkWritable(facts, mount), ...checkControllers(facts, mount, mount), checkDevices(facts)]
}

function checkWritable({ outside }: Facts, mount: string): CheckResult {
  const result = outside.now({ name: 'faccessat', args: [AT_FDCWD, mount, W_OK], tolerate: [EACCES, EROFS, EPERM] })
  if (result >= 0) return ok(AREA, `version 2 is mounted at ${mount}`)
  return problem(
    AREA,
    `\`${mount}\` can not be written, so no container gets a cgroup`,
    'mount it read-write (for a container of tsrun in a container: with a cgroup namespace of its own), or use --cgroup-manager disabled',
  )
}

function checkDelegation(facts: Facts, mount: string): CheckResult[] {
  const own = delegatedCgroup(facts.outside, mount)
  if (own === undefined)
    return [warning(AREA, 'no cgroup is delegated to this user, so nothing can be limited', DELEGATION_HINT)]
  return [ok(AREA, `\`${mount}${own}\` is delegated to this user`), ...checkControllers(facts, mount, `${mount}${own}`)]
}

function checkControllers({ outside, rootless }: Facts, mount: string, directory: string): CheckResult[] {
  const has = words(outside.readTextIfAny(AT_FDCWD, `${directory}/cgroup.controllers`))
  const missing = WANTED.filter(name => !has.includes(name))
  if (missing.length === 0) return [ok(AREA, `everything can be limited: ${has.join(', ')}`)]
  const lines = (outside.readTextIfAny(AT_FDCWD, '/proc/self/cgroup') ?? '').split('\n').map(line => line.split(':'))
  const legacy = lines.filter(([id]) => id !== '0').flatMap(([, names]) => names?.split(',') ?? [])
  const text = `what can not be limited in ${directory === mount ? 'version 2' : `\`${directory}\``}: ${missing.join(', ')}`
  if (missing.some(name => legacy.includes(name === 'io' ? 'blkio' : name)))
    return [
      warning(AREA, `${text}; version 1 has it`, 'boot with cgroup_no_v1=all (podman until then: --pids-limit=-1)'),
    ]
  const fix = rootless ? DELEGATION_HINT : 'boot without cgroup_disable, or use a kernel that has these controllers'
  return [warning(AREA, text, fix)]
}

function words(text = ''): string[] {
  return text.trim().split(/\s+/).filter(Boolean)
}

/** Loads the filter of a container that may use nothing, and forgets it. */
function checkDevices({ outside }: Facts): CheckResult {
  using fds = new Fds()
  const program = loadDeviceFilter(outside, [{ allow: false }], fds)
  if (program?.exists) return ok('devices', 'access to devices can be filtered')
  return problem(
    'devices',
    'the kernel does not let us filter access to devices, which nearly every config.json asks for',
    'give tsrun CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN; check kernel.unprivileged_bpf_disabled and CONFIG_CGROUP_BPF',
  )
}
