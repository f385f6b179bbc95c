import { lookForCriu } from '../../../criu/criu.ts'
import { features } from '../../../plan/features.ts'
import { supportsSeccompFlag } from '../../../setup/facilities/seccomp.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'features'> = runtime => {
  const hasCriu = lookForCriu(runtime) !== undefined
  const supported = features(flag => supportsSeccompFlag(runtime.outside, flag), hasCriu)
  runtime.write(`${JSON.stringify(supported, undefined, 2)}\n`)
}
