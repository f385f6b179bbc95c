import { checkId } from '../../config/id.ts'
import { startContainer } from '../../container/start.ts'
import { doing } from '../../errors.ts'
import { containerState } from '../../state/ociState.ts'
import type { Verb } from '../verb.ts'
import { explainingExecve } from './request.ts'

export const verb: Verb<'start'> = async (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  await explainingExecve(
    runtime,
    () => containerState(runtime, id),
    () => doing(`start \`${id}\``, () => startContainer(runtime, id)),
  )
  return 0
}
