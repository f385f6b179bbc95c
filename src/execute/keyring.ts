import { ENOSYS } from '../../native/abi/errno.ts'
import type { Kernel } from '../../native/kernel.ts'

// <linux/keyctl.h>
const KEYCTL_JOIN_SESSION_KEYRING = 1

/** A session keyring of the container's own instead of the caller's, see keyctl_join_session_keyring(3). */
export function joinSessionKeyring(tail: Kernel, id: string): void {
  const hint = { EDQUOT: 'too many keys, see /proc/sys/kernel/keys; try --no-new-keyring' }
  // A kernel may be built without keys: then there is none to inherit either.
  tail.later({ name: 'keyctl', args: [KEYCTL_JOIN_SESSION_KEYRING, `_ses.${id}`], tolerate: [ENOSYS], hint })
}
