import { checkId } from '../../config/id.ts'
import { restoreContainer } from '../../criu/restore.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../commands.ts'
import { criuSettings } from './criuSettings.ts'
import { given } from './request.ts'

export const verb: Verb<'restore'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const request = {
    ...criuSettings(options),
    id,
    bundle: given(options.bundle) ?? '.',
    configFile: given(options.config),
    pidFile: given(options['pid-file']),
    consoleSocket: given(options['console-socket']),
    detach: options.detach,
    keep: options.keep,
    noSubreaper: options['no-subreaper'],
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
    tcpClose: options['tcp-close'],
    lsmProfile: given(options['lsm-profile']),
    lsmMountContext: given(options['lsm-mount-context']),
    forwardSignals: true,
  }
  return doing(`restore \`${id}\``, () => restoreContainer(runtime, request))
}
