import type { Config } from '../../../spec/generated/config.ts'
import { ownCapabilities } from '../../host/host.ts'
import { basename } from '../../paths.ts'
import { type ContainerPlan, planContainer } from '../../plan/container.ts'
import type { Runtime } from '../../runtime.ts'
import { withMappings } from '../../setup/defaultMappings.ts'
import { planFacts, readConfig, socketActivation } from '../../setup/prepare.ts'
import type { Draft } from '../draft.ts'
import { type Finding, finding, fromReason, sorted } from '../finding.ts'
import { readDraft } from './config.ts'
import { ID_CHECKS } from './ids.ts'
import { LIMIT_CHECKS } from './limits.ts'
import { MOUNT_CHECKS } from './mounts.ts'
import { PROGRAM_CHECKS } from './program.ts'
import { SECURITY_CHECKS } from './security.ts'
import type { HostCheck, Site } from './site.ts'
import { ContainerView } from './view.ts'

/** The mounts come first: the others look at what is there behind them. */
const HOST_CHECKS: readonly HostCheck[] = [
  ...MOUNT_CHECKS,
  ...PROGRAM_CHECKS,
  ...ID_CHECKS,
  ...SECURITY_CHECKS,
  ...LIMIT_CHECKS,
]

/**
 * Finds all that is wrong, doubtful or worth knowing about a bundle: in the shape of its config.json, in the meaning, and in
 * how it fits this host. Only looks. Errors: ConfigError when there is no config.json, KernelError when it can't be read.
 */
export function validateBundle(runtime: Runtime, bundle: string, configFile?: string, configText?: string): Finding[] {
  const directory = runtime.absolute(bundle)
  const { findings, draft } = readDraft(configText ?? readConfig(runtime, directory, configFile))
  if (draft === undefined) return sorted(findings)
  const plan = planOf(runtime, directory, draft)
  const host = plan.value === undefined ? [notPlanned] : lookAtHost(runtime, bundle, draft, plan.value)
  return sorted([...findings, ...plan.findings, ...host])
}

const notPlanned = finding(
  'note',
  undefined,
  'the host was not looked at, since no plan can be made before this is right',
)

interface Planned {
  readonly value: ContainerPlan | undefined
  readonly findings: readonly Finding[]
}

/** The plan of what is left, and what the planner refuses. */
function planOf(runtime: Runtime, bundle: string, draft: Draft<Config>): Planned {
  const facts = planFacts(
    runtime,
    { id: basename(bundle), bundle },
    socketActivation(runtime),
    ownCapabilities(runtime.outside),
  )
  let value: ContainerPlan | undefined
  const faults = draft.faults(config => {
    value = undefined
    value = planContainer(withMappings(runtime, config), facts)
  })
  return { value, findings: faults.map(({ pointer, reason }) => fromReason('error', pointer, reason)) }
}

function lookAtHost(runtime: Runtime, bundle: string, draft: Draft<Config>, plan: ContainerPlan): Finding[] {
  const site: Site = {
    runtime,
    bundle,
    plan,
    config: draft.value,
    view: new ContainerView(runtime.outside, plan.rootfs),
    has: ownCapabilities(runtime.outside),
    tell: (severity, pointer, message, hint) => finding(severity, draft.place(pointer), message, hint),
  }
  return HOST_CHECKS.flatMap(check => [...check(site)])
}
