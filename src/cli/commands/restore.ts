import { checkId } from '../../config/id.ts'
import { restoreContainer } from '../../criu/restore.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../verb.ts'
import { criuSettings } from './criuSettings.ts'
import { given, newContainer } from './request.ts'

export const verb: Verb<'restore'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const request = {
    ...newContainer(options, id, options.bundle || '.'),
    ...criuSettings(options),
    detach: options.detach,
    keep: options.keep,
    noSubreaper: options['no-subreaper'],
    tcpClose: options['tcp-close'],
    lsmProfile: given(options['lsm-profile']),
    lsmMountContext: given(options['lsm-mount-context']),
    forwardSignals: true,
  }
  return doing(`restore \`${id}\``, () => restoreContainer(runtime, request))
}
