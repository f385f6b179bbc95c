import { EACCES, ENOENT } from '../../../native/abi/errno.ts'
import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import { programPaths } from '../../host/programs.ts'
import { NAMESPACES } from '../../plan/namespaces/namespaces.ts'
import { type DoctorCheck, type Facts, type CheckResult, ok, problem, warning } from './checkResult.ts'

const AREA = 'namespaces'

/** Types that every usual container has. */
const USUAL = ['mount', 'pid', 'ipc', 'uts', 'network', 'cgroup']

/** Which types there are, and how many of them may be. */
export const checkNamespaces: DoctorCheck = facts => {
  const { outside, rootless } = facts
  const missing = NAMESPACES.filter(({ file }) => outside.statx(AT_FDCWD, `/proc/self/ns/${file}`).stat === undefined)
  const limits = NAMESPACES.filter(({ file }) => !missing.some(other => other.file === file)).flatMap(
    ({ file, type }) => {
      const name = `max_${file}_namespaces`
      return readSysctl(facts, `user/${name}`) === '0' ? [{ type, name: `user.${name}` }] : []
    },
  )
  const isNeeded = (type: string) => USUAL.includes(type) || (rootless && type === 'user')
  const level = (type: string) => (isNeeded(type) ? problem : warning)
  const findings = [
    ...missing.map(({ type }) =>
      level(type)(
        AREA,
        `this kernel has no ${type} namespaces`,
        'use a kernel that is built with all CONFIG_*_NS options',
      ),
    ),
    ...limits.map(({ type, name }) =>
      level(type)(AREA, `no new ${type} namespace can be made: ${name} is 0`, `sysctl ${name}=10000`),
    ),
  ]
  const names = NAMESPACES.map(({ type }) => type).join(', ')
  return [
    ...(findings.length === 0 ? [ok(AREA, `every type can be made: ${names}`)] : findings),
    ...checkUnprivileged(facts),
  ]
}

function readSysctl({ outside }: Facts, name: string): string | undefined {
  return outside.readTextIfAny(AT_FDCWD, `/proc/sys/${name}`)?.trim()
}

/** Switches that distributions have added, and the value that forbids. */
const SWITCHES: readonly { readonly name: string; readonly forbids: string; readonly fix: string }[] = [
  { name: 'kernel/unprivileged_userns_clone', forbids: '0', fix: 'sysctl kernel.unprivileged_userns_clone=1' },
  {
    name: 'kernel/apparmor_restrict_unprivileged_userns',
    forbids: '1',
    fix: 'load an AppArmor profile for tsrun that allows userns, or sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  },
]

/** An unprivileged user needs a user namespace for everything else; root does not. */
function checkUnprivileged(facts: Facts): CheckResult[] {
  const { rootless, runtime } = facts
  const closed = SWITCHES.filter(({ name, forbids }) => readSysctl(facts, name) === forbids)
  if (closed.length === 0) return [ok(AREA, 'users without privileges may have user namespaces')]
  // Who is in a user namespace already may make another one.
  const level = rootless && !runtime.inUserNamespace ? problem : warning
  return closed.map(({ name, fix }) =>
    level(AREA, `users without privileges may not have user namespaces: ${name.replace('/', '.')} says so`, fix),
  )
}

/** Ranges of ids, and the programs that map them, for a user without privileges. */
export const checkIds: DoctorCheck = facts => {
  const { rootless, runtime, outside } = facts
  if (!rootless || runtime.inUserNamespace) return []
  const area = 'ids'
  const { uid } = outside.effectiveIds()
  const name = accountName(facts, uid)
  const without = ['subuid', 'subgid'].filter(file => {
    const lines = outside.readTextIfAny(AT_FDCWD, `/etc/${file}`)?.split('\n') ?? []
    return !lines.some(line => line.startsWith(`${name}:`) || line.startsWith(`${uid}:`))
  })
  const helpers = ['newuidmap', 'newgidmap'].filter(helper => findProgram(facts, helper) === undefined)
  const noNewPrivs = /^NoNewPrivs:\s*1$/m.test(outside.readTextIfAny(AT_FDCWD, '/proc/self/status') ?? '')
  const findings = [
    ...without.map(file =>
      warning(
        area,
        `/etc/${file} has no range for ${name}, so a container has a single id`,
        `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
      ),
    ),
    ...helpers.map(helper =>
      warning(area, `${helper} is missing, so a container has a single id`, 'install uidmap (shadow-utils in Fedora)'),
    ),
    ...(noNewPrivs
      ? [
          warning(
            area,
            'no_new_privs is set for tsrun, so newuidmap has no privileges and a container has a single id',
            'start it from where NoNewPrivileges= is not set',
          ),
        ]
      : []),
  ]
  return findings.length === 0 ? [ok(area, `${name} has ranges of ids and newuidmap to map them`)] : findings
}

function accountName({ outside }: Facts, uid: number): string {
  const lines = outside.readTextIfAny(AT_FDCWD, '/etc/passwd')?.split('\n') ?? []
  return lines.map(line => line.split(':')).find(fields => fields[2] === `${uid}`)?.[0] ?? `${uid}`
}

/** The path of a program; undefined when it is in none of the usual places and not in PATH. */
export function findProgram({ outside, runtime }: Facts, name: string): string | undefined {
  const paths = [...programPaths(runtime, name), ...programPaths({ env: () => undefined }, name)]
  const isThere = (path: string) => outside.statx(AT_FDCWD, path, 0, [ENOENT, EACCES]).stat !== undefined
  return paths.find(path => isThere(path) && outside.executable(path).value === 0)
}
