import { doing } from '../errors.ts'
import { resumeContainer } from '../execute/pause.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'

export const verb: Verb<'resume'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`resume \`${id}\``, () => resumeContainer(runtime, id))
}
