import type { Runtime } from '../runtime.ts'
import type { CommandName, OptionsOf } from './line/options.ts'

/** A verb: reads its options, decides, calls, names the failure. Its result is the exit code, 0 when there is none. */
export type Verb<Command extends CommandName> = (
  runtime: Runtime,
  options: OptionsOf<Command>,
  positionals: readonly string[],
) => Promise<number> | number | undefined
