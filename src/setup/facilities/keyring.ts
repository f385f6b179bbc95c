import { ENOSYS } from '../../../native/abi/errno.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { type Labels, withKeyLabel } from './labels.ts'

// <linux/keyctl.h>
const KEYCTL_JOIN_SESSION_KEYRING = 1
const KEYCTL_SETPERM = 5

/** The possessor may do everything, its user may search: others of that user do not see it, nor what it is called. */
const PERMISSIONS = 0x3f_08_00_00
/** As many bytes as nobody guesses. */
const SECRET_SIZE = 16

/**
 * A name for a container's session keyring. Whoever joins one by name gets what has that name already, made by anybody who
 * lets him, and its maker reads what is put there; so the name can not be known beforehand.
 */
export function keyringName(outside: Kernel<'outside'>, id: string): string {
  const secret = Array.from(outside.randomBytes(SECRET_SIZE), byte => byte.toString(16).padStart(2, '0'))
  return ['_ses', id, secret.join('')].join('.')
}

/**
 * A session keyring of the container's own instead of the caller's, see keyctl_join_session_keyring(3). The permission to
 * search lets `exec` join it by its name; without that, if a policy denies it, `exec` gets one of its own.
 */
export function joinSessionKeyring(inside: Kernel<'inside'>, name: string, labels: Labels | undefined): void {
  withKeyLabel(inside, labels, () => join(inside, name))
}

function join(inside: Kernel<'inside'>, name: string): void {
  const hint = { EDQUOT: 'too many keys, see /proc/sys/kernel/keys; try --no-new-keyring' }
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
