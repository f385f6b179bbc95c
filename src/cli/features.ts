import { supportsSeccompFlag } from '../execute/seccomp.ts'
import { features } from '../plan/features.ts'
import type { Verb } from './commands.ts'

export const verb: Verb<'features'> = runtime => {
  const supported = features(flag => supportsSeccompFlag(runtime.outside, flag))
  runtime.write(`${JSON.stringify(supported, undefined, 2)}\n`)
}
