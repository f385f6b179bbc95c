import { resources } from '../../native/abi/resource.ts'
import type { Step } from '../../src/plan/steps/step.ts'

// By what calls each step of a plan is performed, in the words of calls.scene.ts.

/** Patterns of whole texts. Each of `does` is one call, each of `may` one or none, each of `any` all that are left. */
export interface Performance {
  readonly does: readonly string[]
  readonly may?: readonly string[]
  readonly any?: readonly string[]
}

const ASKED =
  'close|read|statx|statfs|fstatfs|openat|openat2|fcntl|lseek|ppoll|geteuid|getegid|capget|getrandom|readlinkat|uname'

/** An executor from its start to its end. */
const executor = [
  ...['memfd_create tsrun', 'memfd_create arena', 'ftruncate', 'mmap', 'posix_spawn', 'wait4'].map(
    call => `planner ${call}`,
  ),
  'executor mmap',
  'executor exit_group',
]

/** What is no step of its own: questions, descriptors, and what planner and executor have to do with each other. */
export const machinery: Performance = {
  does: executor.concat('executor accept4'),
  any: [
    `(planner|executor) (${ASKED})( .*)?`,
    '(planner|executor) (close_range|dup3|sendto|socketpair|setsockopt|socket|connect)',
    '(planner|executor) write \\? ?.*',
    'planner write memfd:tsrun ?',
    'planner memfd_create output',
    'planner prlimit64 \\d+ asked',
    'planner faccessat .*',
    'planner unlinkat .*/start',
    'planner pidfd_open',
    'executor prctl (4|15)', // PR_SET_DUMPABLE and PR_SET_NAME
    'executor setsid',
    'executor umask 0',
  ],
}

function escaped(text: unknown): string {
  return String(text).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** What makes a mount point that is not there. */
function placeOf(path: string): string {
  const above = path
    .split('/')
    .slice(1)
    .map((_, i, names) => escaped(`/${names.slice(0, i + 1).join('/')}`))
  return `executor (mkdirat|mknodat) (${above.join('|')})`
}

const newFilesystem = (type: string, ...parameters: string[]) => [
  `executor fsopen ${type}`,
  ...parameters.map(text => `executor fsconfig ${escaped(text)}`),
  'executor fsconfig',
  'executor fsmount',
]

function bind(step: Step): Performance {
  const { source, type, idMap } = step.details
  // A node that is made to be bound lies in a file system of the planner's own.
  const attributes = `(planner|executor) mount_setattr ${escaped(source)}`
  const node = type === undefined ? '' : '|planner open_tree /\\d+'
  return {
    does: [
      `(planner|executor) open_tree ${escaped(source)}${node}`,
      `executor move_mount ${escaped(step.subject)}`,
      ...(idMap ? [...executor, 'executor unshare 268435456', ...idMaps] : []),
    ],
    may: type ? [attributes] : [],
    any: [
      'planner mount_setattr /\\d+',
      ...(type ? [] : [attributes]),
      placeOf(step.subject),
      ...(type ? ['planner (mknodat|fchownat|fchmodat) /\\d+', 'planner fs(open tmpfs|config.*|mount)'] : []),
    ],
  }
}

const idMaps = ['planner write /proc/\\d+/uid_map .*', 'planner write /proc/\\d+/gid_map .*']

function hook({ subject, details: { moment } }: Step): Performance {
  if (moment !== 'createContainer' && moment !== 'startContainer')
    return {
      does: ['planner posix_spawn', 'planner wait4', 'planner memfd_create state', 'planner write memfd:state .*'],
    }
  const identity = [...tail.user!, ...tail.capabilities!, 'executor prctl 38', 'executor seccomp']
  return {
    does: [
      'executor memfd_create state',
      'executor write memfd:state .*',
      'executor clone3',
      `executor execve ${escaped(subject)}`,
      'executor wait4',
      ...(moment === 'startContainer' ? identity : []),
    ],
    may: ['executor setgroups'],
    any: ['executor fchdir /?'],
  }
}

/** The same for a hook in the tail and for the program. 41 capabilities, of which one stays. */
const tail: Readonly<Record<string, readonly string[]>> = {
  user: ['executor setresgid', 'executor setresuid'],
  capabilities: [...Array.from({ length: 40 }, () => 'executor prctl 24'), 'executor prctl 8', 'executor capset'],
}

function mask({ subject }: Step): Performance {
  const way =
    subject === '/masked' // a directory
      ? newFilesystem('tmpfs', 'source tmpfs', 'nr_blocks 1', 'nr_inodes 1', 'mode 0555')
      : ['executor open_tree /dev/null', 'executor mount_setattr /dev/null']
  return { does: [...way, `executor move_mount ${escaped(subject)}`], may: ['executor fsconfig context .*'] }
}

function write({ subject, details: { value, whereThere, instead } }: Step): Performance {
  const sysctl = subject.startsWith('/proc/sys/')
  const file = sysctl
    ? `executor write ${subject.slice('/proc'.length)}`
    : `${subject === 'oom_score_adj' ? '(planner|executor)' : 'planner'} write /(proc|sys)/.*/${escaped(subject)}`
  const call = `${file} ${escaped(value)}`
  return {
    does: whereThere ? [] : [call],
    may: [
      ...(whereThere ? [call] : []),
      ...(instead ? [`planner write /sys/.*/${escaped(String(instead).replace('=', ' '))}`] : []),
      ...(sysctl ? newFilesystem('proc') : []),
    ],
  }
}

function clone({ details: { namespaces, joins } }: Step): Performance {
  const own = (namespaces ?? []) as readonly string[]
  const isStepwise = joins !== undefined || own.includes('time')
  return {
    does: [
      'executor clone3',
      ...(isStepwise ? ['executor clone3', 'executor unshare 268435456', 'executor exit_group', 'planner wait4'] : []),
      ...(own.includes('cgroup') ? ['executor unshare 33554432'] : []),
      ...(!isStepwise && own.includes('user') && own.includes('ipc') ? ['executor unshare 134217728'] : []),
      ...((joins ?? []) as readonly string[]).map(() => 'executor setns \\d+'),
    ],
  }
}

/** By action. */
export const performances: Readonly<Record<string, (step: Step) => Performance>> = {
  open: ({ subject }) => ({ does: [`planner openat ${escaped(subject)}`] }),
  directory: ({ subject }) => ({
    does: [
      `executor mkdirat /${escaped(subject.split('/').at(-1))}`,
      `planner write ${escaped(subject)}/config.json .*`,
      `planner write ${escaped(subject)}/state.json.tmp .*`,
      `planner renameat2 ${escaped(subject)}/state.json`,
      'planner bind',
      'planner listen',
    ],
    any: ['planner mkdirat /run/tsrun', 'planner flock'],
  }),
  cgroup: ({ subject }) => ({
    does: [`executor mkdirat /${escaped(subject.split('/').at(-1))}`, 'executor fsetxattr .*'],
    any: [
      'planner mkdirat /sys/fs/cgroup/.*',
      'planner write .*/cgroup.subtree_control .*',
      'planner fchownat /sys/fs/cgroup/.*',
    ],
  }),
  resctrl: ({ subject }) => ({
    does: [`executor mkdirat ${escaped(subject)}`, 'executor mkdirat .*/mon_groups/.*', 'planner write .*/schemata .*'],
    any: ['planner write /sys/fs/resctrl/.*/tasks .*'],
  }),
  clone,
  affinity: () => ({ does: ['executor sched_setaffinity'] }),
  'map ids': () => ({
    does: [...idMaps, 'executor setresgid', 'executor setresuid'],
    may: ['planner write /proc/\\d+/setgroups deny'],
  }),
  time: ({ subject }) => ({
    does: ['executor unshare 128', `planner write /proc/\\d+/timens_offsets ${escaped(subject)}`],
  }),
  interface: () => ({ does: ['executor ioctl'] }),
  hostname: ({ subject }) => ({ does: [`executor sethostname ${subject}`] }),
  domainname: ({ subject }) => ({ does: [`executor setdomainname ${subject}`] }),
  root: ({ subject }) => ({
    does: [`(planner|executor) open_tree ${subject}`, 'executor mount /', `executor move_mount ${subject}`],
    may: [`planner mount_setattr ${subject}`],
  }),
  mount: ({ subject, details: { type, source = type, options = [], label } }) => ({
    does: [
      ...newFilesystem(
        String(type),
        `source ${source}`,
        ...(options as readonly string[]).map(text => text.replace('=', ' ')),
      ),
      `executor move_mount ${escaped(subject)}`,
    ],
    may: label ? [`executor fsconfig context ${escaped(label)}`] : [],
    any: [placeOf(subject)],
  }),
  bind,
  device: ({ subject }) => ({
    does: [`executor mknodat ${escaped(subject)}`],
    may: [`executor fchownat ${escaped(subject)}`, `executor fchmodat ${escaped(subject)}`],
  }),
  link: ({ subject, details: { target } }) => ({ does: [`executor symlinkat ${escaped(subject)} ${escaped(target)}`] }),
  check: ({ subject }) => ({ does: [`planner openat .*/${escaped(subject)}`] }),
  write,
  filter: ({ subject }) => ({ does: subject === 'devices' ? ['planner bpf', 'planner bpf'] : ['executor seccomp'] }),
  limit: ({ subject }) => ({ does: [`(planner|executor) prlimit64 ${resources[subject]}`] }),
  scheduler: () => ({ does: ['planner sched_setattr'] }),
  'io priority': () => ({ does: ['planner ioprio_set'] }),
  hook,
  mask,
  'read-only': ({ subject }) => ({
    does:
      subject === '/'
        ? ['executor mount_setattr (/bundle/rootfs)?']
        : ['open_tree', 'mount_setattr', 'move_mount'].map(name => `executor ${name} ${escaped(subject)}`),
  }),
  pivot_root: ({ subject }) => ({
    does: [`executor fchdir ${subject}`, 'executor pivot_root . .', 'executor umount2 .', 'executor chdir /'],
  }),
  terminal: () => ({
    does: [
      'executor sendmsg',
      'executor fchownat ?',
      'executor mknodat /dev/console',
      'executor move_mount /dev/console',
    ],
    any: ['executor ioctl', 'executor open_tree ?'],
  }),
  'memory policy': () => ({ does: ['executor set_mempolicy'] }),
  personality: () => ({ does: ['executor personality'] }),
  chdir: ({ subject }) => ({ does: ['executor fchdir.*'], may: [`executor mkdirat ${escaped(subject)}`] }),
  find: () => ({ does: ['executor faccessat /bin/sh'] }),
  keyring: () => ({ does: ['executor keyctl 1', 'executor keyctl 5'], any: ['executor write .*/attr/keycreate .*'] }),
  user: () => ({ does: ['executor umask 18', ...tail.user!], may: ['executor setgroups'] }),
  capabilities: () => ({ does: tail.capabilities! }),
  apparmor: ({ subject }) => ({
    does: ['permprofile', 'exec'].map(word => `executor write .*/apparmor/.* ${word} ${subject}`),
    may: newFilesystem('proc'),
  }),
  selinux: ({ subject }) => ({
    // It is tried first, and taken back for what comes between.
    does: [subject, '', subject].map(text => `executor write .*/attr/exec ${escaped(text)}`),
  }),
  prctl: () => ({ does: ['executor prctl 38'] }),
  execve: () => ({ does: ['executor execve /bin/sh'] }),
}
