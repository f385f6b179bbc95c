import type { Implementation } from '../world.ts'

/** Calls that succeed and change nothing that the model knows of: what they do is for the real kernel to show. */
const names = [
  ...['mount', 'umount2', 'mount_setattr', 'fsconfig'],
  ...[
    'setresuid',
    'setresgid',
    'setgroups',
    'capset',
    'umask',
    'setsid',
    'sethostname',
    'setdomainname',
    'keyctl',
    'getrandom',
  ],
  ...[
    'sched_setattr',
    'sched_setaffinity',
    'ioprio_set',
    'set_mempolicy',
    'personality',
    'fsetxattr',
    'setsockopt',
    'seccomp',
  ],
]

export const withoutEffect: Readonly<Record<string, Implementation>> = Object.fromEntries(
  names.map(name => [name, () => {}]),
)
