import { RLIM_INFINITY } from '../../../native/abi/resource.ts'
import type { ProcessLimit } from '../../kernel/processStatus.ts'
import { capabilityMask, capabilityNames } from '../../plan/process/capabilities.ts'
import type { ProcessPlan } from '../../plan/process/process.ts'
import type { RlimitStep } from '../../plan/process/rlimits.ts'
import type { InspectedProcess } from '../inspect.ts'
import type { Comparison, Deviation } from './comparison.ts'

/** What the program is and may do, compared with what it was started with. */
export function processDrift({ plan, now, started }: Comparison): Deviation[] {
  if (!started || plan.process === undefined || now.process === undefined) return []
  const [wanted, found] = [plan.process, now.process]
  return [
    ...capabilityDrift(wanted, found),
    ...privilegeDrift(wanted, found),
    ...seccompDrift(plan.seccomp !== undefined, found),
    ...labelDrift(wanted, found),
    ...wanted.rlimits.flatMap((step, i) => limitDrift(step, i, found.rlimits)),
    ...oomDrift(wanted, found),
  ]
}

const POINTER = '/process/capabilities'

/**
 * A set must not have more than execve(2) has made of what was asked for, see "Transformation of capabilities" in
 * capabilities(7); a program may drop what it does not need. Files may have capabilities of their own, within the bounding
 * set, unless there are to be no new privileges.
 */
function capabilityDrift(
  { capabilities: wanted, uid, noNewPrivileges }: ProcessPlan,
  found: InspectedProcess,
): Deviation[] {
  const isRoot = uid === 0
  const granted = isRoot ? wanted.bounding | wanted.inheritable : wanted.ambient
  const possible = noNewPrivileges ? granted : granted | wanted.bounding
  const compare = (set: keyof typeof found.capabilities, atMost: bigint, usual: bigint) =>
    setDrift(set, capabilityMask(found.capabilities[set]), atMost, usual)
  return [
    ...compare('bounding', wanted.bounding, wanted.bounding),
    ...compare('permitted', possible, granted),
    ...compare('effective', possible, granted),
    // A program may put into it what it is permitted.
    ...compare('inheritable', wanted.inheritable | possible, wanted.inheritable),
    ...compare('ambient', wanted.ambient | possible, wanted.ambient),
  ]
}

function setDrift(set: string, found: bigint, atMost: bigint, usual: bigint): Deviation[] {
  const pointer = `${POINTER}/${set}`
  const names = (mask: bigint) => capabilityNames(mask).join(' ') || 'none'
  const finding = { pointer, what: `the ${set} set`, expected: names(usual), found: names(found) }
  if ((found & ~atMost) !== 0n) return [finding]
  return found === usual ? [] : [{ ...finding, note: true }]
}

function privilegeDrift(
  { noNewPrivileges: wanted }: ProcessPlan,
  { noNewPrivileges: found }: InspectedProcess,
): Deviation[] {
  if (wanted === found) return []
  // It can not be taken back: then this is not the process that we have started.
  const finding = {
    pointer: '/process/noNewPrivileges',
    what: 'no_new_privs',
    expected: `${wanted}`,
    found: `${found}`,
  }
  return [wanted ? finding : { ...finding, note: true }]
}

function seccompDrift(wanted: boolean, { seccomp }: InspectedProcess): Deviation[] {
  if (wanted === (seccomp.mode === 'filter')) return []
  const expected = wanted ? 'filter' : 'disabled'
  const finding = { pointer: '/linux/seccomp', what: 'the seccomp mode', expected, found: seccomp.mode }
  return [wanted ? finding : { ...finding, note: true }]
}

/** A kernel with AppArmor says `profile (enforce)`, and `a//&b` of stacked ones. */
function labelDrift({ apparmorProfile, selinuxLabel }: ProcessPlan, { label = 'none' }: InspectedProcess): Deviation[] {
  const profiles = label.replace(/ \(\w+\)$/, '').split('//&')
  const wrong = (pointer: string, what: string, expected: string) => [{ pointer, what, expected, found: label }]
  if (apparmorProfile !== undefined && !profiles.includes(apparmorProfile))
    return wrong('/process/apparmorProfile', 'the AppArmor profile', apparmorProfile)
  if (selinuxLabel !== undefined && label !== selinuxLabel)
    return wrong('/process/selinuxLabel', 'the SELinux label', selinuxLabel)
  return []
}

/** A program may lower its limits, and raise the soft one up to the hard one, as programs in Go do. */
function limitDrift({ name, soft, hard }: RlimitStep, index: number, limits: readonly ProcessLimit[]): Deviation[] {
  const found = limits.find(({ type }) => type === name)
  if (found === undefined) return []
  const [foundSoft, foundHard] = [found.soft ?? RLIM_INFINITY, found.hard ?? RLIM_INFINITY]
  if (foundSoft === soft && foundHard === hard) return []
  const finding = {
    pointer: `/process/rlimits/${index}`,
    what: name,
    expected: `${limitText(soft)} (hard ${limitText(hard)})`,
    found: `${limitText(foundSoft)} (hard ${limitText(foundHard)})`,
  }
  return [foundHard > hard ? finding : { ...finding, note: true }]
}

function limitText(value: bigint): string {
  return value === RLIM_INFINITY ? 'unlimited' : `${value}`
}

/** Everybody may make himself more likely to be killed. */
function oomDrift({ oomScoreAdj: wanted }: ProcessPlan, { oomScoreAdj: found }: InspectedProcess): Deviation[] {
  if (wanted === undefined || found === undefined || wanted === found) return []
  const finding = { pointer: '/process/oomScoreAdj', what: 'oom_score_adj', expected: `${wanted}`, found: `${found}` }
  return [found < wanted ? finding : { ...finding, note: true }]
}
