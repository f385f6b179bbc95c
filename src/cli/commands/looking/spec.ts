import { writeSpec } from '../../../container/spec.ts'
import { doing } from '../../../errors.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'spec'> = (runtime, { bundle, file, rootless, 'host-rootfs': hostRootfs }) => {
  doing('spec', () => writeSpec(runtime, { bundle, file, rootless, hostRootfs }))
}
