import { checkId } from '../../config/id.ts'
import { resumeContainer } from '../../container/pause.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb<'resume'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`resume \`${id}\``, () => resumeContainer(runtime, id))
}
