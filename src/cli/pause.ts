import { doing } from '../errors.ts'
import { pauseContainer } from '../execute/pause.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'

export const verb: Verb<'pause'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`pause \`${id}\``, () => pauseContainer(runtime, id))
}
