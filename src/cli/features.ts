import { lookForCriu } from '../execute/criu.ts'
import { supportsSeccompFlag } from '../execute/seccomp.ts'
import { features } from '../plan/features.ts'
import type { Verb } from './commands.ts'

export const verb: Verb<'features'> = runtime => {
  const hasCriu = lookForCriu(runtime) !== undefined
  const supported = features(flag => supportsSeccompFlag(runtime.outside, flag), hasCriu)
  runtime.write(`${JSON.stringify(supported, undefined, 2)}\n`)
}
