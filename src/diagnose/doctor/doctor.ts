import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import { decode } from '../../../native/utf8.ts'
import { Failure } from '../../errors.ts'
import { parseMountinfo } from '../../kernel/mountinfo.ts'
import type { Runtime } from '../../runtime.ts'
import { checkCgroups } from './cgroups.ts'
import { checkEngine } from './engine.ts'
import { checkFiles } from './files.ts'
import { type DoctorCheck, type Facts, type CheckResult, warning } from './checkResult.ts'
import { checkKernel, checkSeccomp } from './kernel.ts'
import { checkIds, checkNamespaces } from './namespaces.ts'
import { checkRights } from './rights.ts'
import { checkSecurityModules } from './security.ts'
import { checkCriu, checkPodman, checkSystemd } from './services.ts'

/** What is looked at, in the order in which it is told. */
const CHECKS: readonly (readonly [area: string, check: DoctorCheck])[] = [
  ['tsrun', checkEngine],
  ['kernel', checkKernel],
  ['rights', checkRights],
  ['namespaces', checkNamespaces],
  ['ids', checkIds],
  ['cgroups', checkCgroups],
  ['seccomp', checkSeccomp],
  ['security modules', checkSecurityModules],
  ['files', checkFiles],
  ['systemd', checkSystemd],
  ['criu', checkCriu],
  ['podman', checkPodman],
]

/** Looks at everything that containers need of this host, for whoever calls. Changes nothing, and never fails. */
export function examine(runtime: Runtime): CheckResult[] {
  const { outside, host, rootless } = runtime
  const facts: Facts = {
    runtime,
    host,
    outside,
    rootless,
    capabilities: outside.capget().effective,
    mounts: parseMountinfo(decode(outside.readFile(AT_FDCWD, '/proc/self/mountinfo'))),
  }
  return CHECKS.flatMap(([area, check]) => runtime.phase(area, () => perform(area, check, facts)))
}

function perform(area: string, check: DoctorCheck, facts: Facts): readonly CheckResult[] {
  try {
    return check(facts)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [warning(area, `it can not be looked at: ${error.message}`, 'find out why; the rest of this list may tell')]
  }
}
