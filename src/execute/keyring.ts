import { ENOSYS } from '../../native/abi/errno.ts'
import type { Kernel } from '../../native/kernel.ts'
import { type Labels, withKeyLabel } from './labels.ts'

// <linux/keyctl.h>
const KEYCTL_JOIN_SESSION_KEYRING = 1
const KEYCTL_SETPERM = 5

/** The possessor may do everything; the user may view, read and link, as in every new keyring, and search. */
const PERMISSIONS = 0x3f_1b_00_00

/**
 * A session keyring of the container's own instead of the caller's, see keyctl_join_session_keyring(3). The permission to
 * search lets `exec` join it by its name; without that, if a policy denies it, `exec` gets one of its own.
 */
export function joinSessionKeyring(inside: Kernel, id: string, labels: Labels | undefined): void {
  withKeyLabel(inside, labels, () => join(inside, id))
}

function join(inside: Kernel, id: string): void {
  const hint = { EDQUOT: 'too many keys, see /proc/sys/kernel/keys; try --no-new-keyring' }
  const name = `_ses.${id}`
  // A kernel may be built without keys: then there is none to inherit either.
  const keyring = inside.later({
    name: 'keyctl',
    args: [KEYCTL_JOIN_SESSION_KEYRING, name],
    subject: `session keyring \`${name}\``,
    tolerate: [ENOSYS],
    hint,
  })
  inside.later({ name: 'keyctl', args: [KEYCTL_SETPERM, keyring, PERMISSIONS], tolerate: 'any' })
}
