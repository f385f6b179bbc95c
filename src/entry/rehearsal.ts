import { architecture } from '../../native/arch/architecture.ts'
import { executorImage } from '../../native/executor/launch.ts'
import type { Seccomp } from '../../spec/generated/config.ts'
import { checkConfig } from '../config/checks/checks.ts'
import { parseConfig } from '../config/load.ts'
import { specTemplate } from '../config/template.ts'
import { planContainer } from '../plan/container.ts'
import { deviceProgram } from '../plan/devices/deviceProgram.ts'
import { planDeviceRules } from '../plan/devices/deviceRules.ts'
import { planSeccomp } from '../plan/seccomp/plan.ts'

/** One rule of each kind. Not the profile of anybody: the names in it are all that differs. */
export const rehearsedProfile: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
    { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 16, op: 'SCMP_CMP_MASKED_EQ' }] },
    { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }] },
  ],
}

/**
 * Does once, on the standard configuration, what every container needs and no kernel. An engine makes many things when
 * they are used for the first time (built-in functions, shapes of objects, atoms of names), and a snapshot of its heap
 * that was taken afterwards has them.
 */
export function rehearse(): void {
  const config = parseConfig(JSON.stringify(specTemplate()))
  checkConfig(config)
  const arch = architecture ?? 'x86_64'
  const facts = {
    id: 'x',
    bundle: '/',
    noPivot: false,
    listenFds: 0,
    inUserNamespace: false,
    capMknod: true,
    arch,
  } as const
  const plan = planContainer(config, facts)
  deviceProgram(planDeviceRules(plan.deviceRules))
  planSeccomp(rehearsedProfile, arch, undefined)
  executorImage(arch, 3)
}
