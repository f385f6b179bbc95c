import { checkId } from '../../../config/id.ts'
import { awaitEnd, openInit } from '../../../container/wait.ts'
import { doing } from '../../../errors.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'wait'> = async (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  const init = doing(`wait for \`${id}\``, () => openInit(runtime, id))
  const code = await awaitEnd(runtime, init)

  if (code !== undefined) runtime.write(`${code}\n`)
  else
    runtime.warn(
      `container \`${id}\` has ended, but its exit code is not to be known any more: the parent of its first process has taken it`,
    )
  return 0
}
