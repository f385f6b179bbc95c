import type { SeccompFlag } from '../../../spec/generated/config.ts'
import type { SeccompFeatures } from '../../../spec/generated/features.ts'
import { actions } from './actions.ts'
import { architectures } from './architectures.ts'
import { operators } from './conditions.ts'
import { seccompFlags } from './plan.ts'

/** The words of profiles that are understood. */
export function seccompFeatures(supportsFlag: (flag: SeccompFlag) => boolean): SeccompFeatures {
  const names = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as K[]
  const knownFlags = names(seccompFlags)
  return {
    enabled: true,
    actions: names(actions),
    operators: names(operators),
    archs: names(architectures),
    knownFlags,
    supportedFlags: knownFlags.filter(supportsFlag),
  }
}
