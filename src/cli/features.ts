import { features } from '../plan/features.ts'
import type { Verb } from './commands.ts'

export const verb: Verb<'features'> = runtime => {
  runtime.write(`${JSON.stringify(features(), undefined, 2)}\n`)
}
