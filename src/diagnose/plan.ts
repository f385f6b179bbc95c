import { cgroupMount } from '../cgroup/cgroup.ts'
import { checkConfig } from '../config/checks/checks.ts'
import { parseConfig } from '../config/load.ts'
import { ownCapabilities } from '../host/host.ts'
import { basename } from '../paths.ts'
import { planContainer } from '../plan/container.ts'
import type { Step } from '../plan/steps/step.ts'
import { planSteps } from '../plan/steps/steps.ts'
import type { Runtime } from '../runtime.ts'
import { withMappings } from '../setup/defaultMappings.ts'
import { getsMountNamespace } from '../setup/mountNamespace.ts'
import { planFacts, readConfig, socketActivation } from '../setup/prepare.ts'

/** Whose plan is wanted. */
export interface PlanRequest {
  readonly bundle: string
  readonly configFile?: string | undefined
  /** The name of the container to be; that of the bundle's directory by default. */
  readonly id?: string | undefined
}

/** A plan as a list. */
export interface StepList {
  readonly id: string
  /** Absolute. */
  readonly bundle: string
  readonly steps: readonly Step[]
}

/** What create, start and delete would do with a bundle on this host. Changes nothing. Errors: those of prepare(). */
export function stepsFor(runtime: Runtime, { bundle, configFile, id }: PlanRequest): StepList {
  const { outside } = runtime
  const directory = runtime.absolute(bundle)
  const config = withMappings(runtime, parseConfig(readConfig(runtime, directory, configFile)))
  checkConfig(config)
  const own = id ?? basename(directory)
  const facts = planFacts(runtime, { id: own, bundle: directory }, socketActivation(runtime), ownCapabilities(outside))
  const plan = planContainer(config, facts)
  const mount = runtime.cgroupManager === 'disabled' ? undefined : cgroupMount(outside)
  const ofRootAlone = getsMountNamespace(runtime, plan)
  return { id: own, bundle: directory, steps: planSteps(plan, { cgroupMount: mount, root: runtime.root, ofRootAlone }) }
}
