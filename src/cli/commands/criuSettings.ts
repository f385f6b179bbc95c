import type { CriuSettings } from '../../criu/criu.ts'
import type { OptionsOf } from '../line/options.ts'
import { given } from './request.ts'

/** What the options say that checkpoint and restore share. */
export function criuSettings(options: OptionsOf<'checkpoint'> | OptionsOf<'restore'>): CriuSettings {
  return {
    imagePath: given(options['image-path']) ?? './checkpoint',
    workPath: given(options['work-path']),
    tcpEstablished: options['tcp-established'],
    extUnixSk: options['ext-unix-sk'],
    shellJob: options['shell-job'],
    fileLocks: options['file-locks'],
    autoDedup: options['auto-dedup'],
    lazyPages: options['lazy-pages'],
    emptyNetwork: options['empty-ns'] === 'network',
    manageCgroupsMode: options['manage-cgroups-mode'],
    networkLock: options['network-lock'],
  }
}
