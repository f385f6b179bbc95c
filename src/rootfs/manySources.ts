import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { modeOf } from '../../native/calls/file.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Result } from '../../native/kernels/result.ts'
import { doing } from '../errors.ts'
import { isWithin } from '../paths.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindStep } from '../plan/mounts/mounts.ts'
import { bindHints, propagate, separate, setAttributes, type Source } from './sources.ts'

/** With fewer the planner is done sooner by itself. */
const MANY = 24

/**
 * Sources that the keeper is to open, before the container exists and in the host's view, too: so many that it pays to have
 * the calls made in batches, as a series. Only those of which the planner has to know nothing but their type.
 */
export function sourcesForKeeper(plan: ContainerPlan, outside: Kernel<'outside'>): readonly BindStep[] {
  if (outside.lacking.size > 0) return []
  const plain = plainBinds(plan)
  return plain.length < MANY ? [] : plain
}

/** All such. `unlocked`: the host's attributes can be cleared, be the container in a user namespace or not. */
export function plainBinds({ mounts }: ContainerPlan, unlocked = false): readonly BindStep[] {
  const binds = mounts.filter(step => step.op === 'bind')
  return binds.filter(step => isPlain(unlocked ? { ...step, mayBeLocked: false } : step))
}

/** Is nothing asked about it but its type, and nothing special done to it? */
export function isPlain(step: BindStep): boolean {
  const { source, sourceInside, idmap, copySymlink, noFollowSource, requireProcfs, mayBeLocked } = step
  if (copySymlink || noFollowSource || requireProcfs || mayBeLocked) return false
  if (sourceInside !== undefined || idmap !== undefined) return false
  // Links there lead to descriptors of whoever looks, which the caller may have left to the planner.
  return !isWithin(source, '/proc') && !isWithin(source, '/dev')
}

/** Opens them; the children of the executor inherit them. `shared`: they stay peers of the host's mounts. */
export function openManySources(
  { kernel }: Executor,
  steps: readonly BindStep[],
  shared: boolean,
): ReadonlyMap<BindStep, Source<'inside'>> {
  const opened = new Map<BindStep, Source<'inside'>>()
  let series: ReturnType<typeof seriesLike> | undefined
  for (const step of steps)
    doing(`mount \`${step.destination}\``, () => {
      if (series === undefined || !hasSameWords(step, series.first)) series = seriesLike(kernel, step, shared)
      const results = kernel.again(series.name, [step.source], series.work)
      const tree = new Fd(kernel, results[0]!, step.source).take()
      opened.set(step, { tree, stat: new KnownMode(results[1]!) })
    })
  kernel.flush()
  return opened
}

/** The calls for all sources that get what this one gets. */
function seriesLike(kernel: Kernel<'inside'>, first: BindStep, shared: boolean) {
  const { recursive, attributes, recursiveAttributes, propagation } = first
  const name = `source ${JSON.stringify([recursive, attributes, recursiveAttributes, propagation])}`
  const work = (source: string) => {
    const tree = kernel.openTree(AT_FDCWD, source, recursive, 0, bindHints).take()
    setAttributes(kernel, tree, { attributes, recursiveAttributes })
    separate(kernel, tree, propagation, shared)
    propagate(kernel, tree, first)
    return [tree.result, kernel.modeLater(tree)]
  }
  return { first, name, work }
}

/** All that was asked about a source. */
class KnownMode {
  readonly #result: Result
  constructor(result: Result) {
    this.#result = result
  }
  get mode(): number {
    return modeOf(this.#result)
  }
}

function hasSameWords(one: BindStep, other: BindStep): boolean {
  return (
    one.recursive === other.recursive &&
    one.attributes === other.attributes &&
    one.recursiveAttributes === other.recursiveAttributes &&
    one.propagation === other.propagation
  )
}
