import { checkId } from '../../config/id.ts'
import { pauseContainer } from '../../container/pause.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb<'pause'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`pause \`${id}\``, () => pauseContainer(runtime, id))
}
