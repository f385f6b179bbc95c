import type { Resources } from '../../../spec/generated/config.ts'
import { planBlockIo } from './blockIo.ts'
import { planHugepages, planPids, planRdma } from './counts.ts'
import { planCpu } from './cpu.ts'
import { refuseLegacy } from './legacy.ts'
import { planMemory, planUsageCheck, type UsageCheck } from './memory.ts'
import { controllerOf, type LimitStep } from './step.ts'
import { planUnified } from './unified.ts'

/** What linux.resources asks for, devices aside. */
export interface ResourcePlan {
  /** In the order in which the kernel takes them. */
  readonly steps: readonly LimitStep[]
  readonly usageCheck: UsageCheck | undefined
}

/** A controller that has to be enabled, and the property that asks for it. */
export interface ControllerNeed {
  readonly controller: string
  readonly pointer: string
}

/** Of the specification. */
const NEWEST = '1.3.0'

const NOTHING: ResourcePlan = { steps: [], usageCheck: undefined }

/**
 * Plans what goes into the files of a version 2 cgroup. Zeros, empty lists and -1 ask for nothing; `unified` comes last,
 * as it may override the rest. What some zeros mean depends on the version that the configuration follows. Errors: ConfigError for what contradicts itself or exists in version 1 only.
 */
export function planResources(resources: Resources | undefined, ociVersion = NEWEST): ResourcePlan {
  if (resources === undefined) return NOTHING
  refuseLegacy(resources)
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, unified } = resources
  const steps = [
    ...(memory ? planMemory(memory) : []),
    ...(cpu ? planCpu(cpu) : []),
    ...(pids ? planPids(pids, ociVersion) : []),
    ...(blockIO ? planBlockIo(blockIO) : []),
    ...(hugepageLimits ? planHugepages(hugepageLimits) : []),
    ...(rdma ? planRdma(rdma) : []),
    ...(unified ? planUnified(unified) : []),
  ]
  return { steps, usageCheck: memory && planUsageCheck(memory) }
}

/** What is to be written: a new cgroup has some of the values anyway. */
export function stepsFor({ steps }: ResourcePlan, isNew: boolean): readonly LimitStep[] {
  return isNew ? steps.filter(step => !step.initial) : steps
}

/** The first step that really limits something, and so makes a cgroup indispensable. */
export function firstLimit({ steps }: ResourcePlan): LimitStep | undefined {
  return steps.find(isDemanding)
}

function isDemanding({ initial, otherwise }: LimitStep): boolean {
  return !initial && otherwise !== 'skip'
}

/** The controllers without which the plan can not be carried out, each once. */
export function neededControllers({ steps }: ResourcePlan): ControllerNeed[] {
  const needs = new Map<string, string>()
  for (const { file, pointer } of steps.filter(isDemanding)) {
    const controller = controllerOf(file)
    if (controller !== undefined && !needs.has(controller)) needs.set(controller, pointer)
  }
  return [...needs].map(([controller, pointer]) => ({ controller, pointer }))
}
