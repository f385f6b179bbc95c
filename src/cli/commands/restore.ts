import { checkId } from '../../config/id.ts'
import { restoreContainer } from '../../criu/restore.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../commands.ts'
import { criuSettings, path } from './criuSettings.ts'

export const verb: Verb<'restore'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const request = {
    ...criuSettings(options),
    id,
    bundle: path(options.bundle) ?? '.',
    configFile: path(options.config),
    pidFile: path(options['pid-file']),
    consoleSocket: path(options['console-socket']),
    detach: options.detach,
    keep: options.keep,
    noSubreaper: options['no-subreaper'],
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
    tcpClose: options['tcp-close'],
    lsmProfile: path(options['lsm-profile']),
    lsmMountContext: path(options['lsm-mount-context']),
    forwardSignals: true,
  }
  return doing(`restore \`${id}\``, () => restoreContainer(runtime, request))
}
