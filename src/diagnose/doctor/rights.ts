import { capabilityMask } from '../../plan/process/capabilities.ts'
import { type DoctorCheck, type CheckResult, ok, problem, warning } from './checkResult.ts'

const AREA = 'rights'

/** What root needs for containers, and what goes without. */
const CAPABILITIES: readonly {
  readonly name: string
  readonly level: 'warning' | 'problem'
  readonly without: string
}[] = [
  { name: 'CAP_SYS_ADMIN', level: 'problem', without: 'nothing can be mounted and no namespace made' },
  { name: 'CAP_SETUID', level: 'problem', without: 'the program can not be another user' },
  { name: 'CAP_SETGID', level: 'problem', without: 'the program can not be in other groups' },
  { name: 'CAP_SYS_CHROOT', level: 'problem', without: 'no mount namespace can be entered' },
  { name: 'CAP_SETPCAP', level: 'warning', without: 'capabilities of containers can not be bounded' },
  { name: 'CAP_NET_ADMIN', level: 'warning', without: 'network interfaces can not be moved or brought up' },
  {
    name: 'CAP_SYS_RESOURCE',
    level: 'warning',
    without: 'hard limits (process.rlimits) can not be raised above our own',
  },
  { name: 'CAP_MKNOD', level: 'warning', without: 'device nodes are bound from the host rather than made' },
  { name: 'CAP_CHOWN', level: 'warning', without: 'files can not be given to users of the container' },
  { name: 'CAP_DAC_OVERRIDE', level: 'warning', without: "other users' bundles can not be used" },
  { name: 'CAP_KILL', level: 'warning', without: "other users' processes can not be ended" },
  { name: 'CAP_SYS_PTRACE', level: 'warning', without: "other users' processes can not be looked at" },
]

/** Who we are, and which capabilities root lacks. */
export const checkRights: DoctorCheck = ({ outside, capabilities, rootless, runtime }) => {
  const { uid } = outside.effectiveIds()
  if (rootless) {
    const text = runtime.inUserNamespace ? 'root of a user namespace' : `user ${uid}, without privileges`
    return [ok(AREA, `tsrun runs as ${text}`)]
  }
  const lost = CAPABILITIES.filter(({ name }) => (capabilities & capabilityMask([name])) === 0n)
  if (lost.length === 0) return [ok(AREA, 'tsrun runs as root, with every capability that it needs')]
  return [ok(AREA, 'tsrun runs as root'), ...lost.map(lack)]
}

function lack({ name, level, without }: (typeof CAPABILITIES)[number]): CheckResult {
  const make = level === 'problem' ? problem : warning
  return make(
    AREA,
    `${name} is missing: ${without}`,
    `let whoever starts tsrun have ${name} (capsh --print shows what it has)`,
  )
}
