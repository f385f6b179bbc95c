import { runContainer } from '../../container/run.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../verb.ts'
import { createRequest, explainingExecve } from './request.ts'
import { chooseTarget } from './target.ts'

export const verb: Verb<'run'> = (runtime, options, positionals) => {
  const { id, bundle } = chooseTarget(runtime, positionals[0]!, options.bundle, options.config)
  const request = {
    ...createRequest(options, id, bundle),
    detach: options.detach,
    keep: options.keep,
    noSubreaper: options['no-subreaper'],
    forwardSignals: true,
  }
  return explainingExecve(
    runtime,
    () => request,
    () => doing(`run \`${id}\``, () => runContainer(runtime, request)),
  )
}
