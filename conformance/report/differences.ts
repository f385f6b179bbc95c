// Why a case fails on another runtime. tsrun has no row here: what fails there is a mistake.

/** Rows are tried in turn. */
export type Differences = readonly {
  readonly runtime: RegExp
  /** Words of the case's title. */
  readonly title: string
  readonly reason: string
}[]

/** Cases of checkpoint in which crun's restore fails. */
const RESTORED = [
  'processes go on where they were',
  'a restored container can be paused, killed',
  'with --leave-running it goes on',
  'in the foreground, restore waits',
  'established connections go on',
  'with --tcp-close they end',
  'restore to a name that is taken',
  'the log goes to the work path',
  'what it writes to a pipe comes out of the new one',
  'what is bound is bound again',
  'a terminal is handed to the console socket',
  'a network namespace that it has joined is joined again',
  'hooks run: createRuntime with the namespaces there',
]

export const differences: Differences = [
  ...RESTORED.map(title => ({
    runtime: /^crun/,
    title,
    reason: 'since 1.24 restore does not find the directory of its masks with another --root than the default one',
  })),
  {
    runtime: /^crun/,
    title: 'a container without a process',
    reason: 'start succeeds; the specification wants an error',
  },
  {
    runtime: /^crun/,
    title: 'spec --rootless has a user namespace',
    reason: 'its configuration has no mappings when root writes it',
  },
  {
    runtime: /^crun/,
    title: "it runs as the container's own process does",
    reason: 'exec starts in `/`, with the limits of the caller',
  },
  { runtime: /^crun/, title: '--process: mistakes in the file', reason: 'what can not be is passed over' },
  { runtime: /^crun/, title: 'subordinate ids can be used in it', reason: 'exec prints nothing there' },
  { runtime: /^crun/, title: 'execCPUAffinity', reason: 'not applied' },
  {
    runtime: /^crun/,
    title: 'hooks run in the order',
    reason: 'all in order; then a signal ended delete, as it sometimes does with poststop hooks',
  },
  {
    runtime: /^crun/,
    title: 'a failing poststop hook is a warning',
    reason: 'a signal ended delete, as it sometimes does with poststop hooks',
  },
  { runtime: /^crun/, title: 'it is named after the container', reason: 'the program sees no keyring of that name' },
  {
    runtime: /^crun/,
    title: 'a program of another user has it too',
    reason: 'the program sees no keyring of that name',
  },
  { runtime: /^crun/, title: 'empty labels ask for nothing', reason: 'refused' },
  {
    runtime: /^crun/,
    title: 'the tree of the host can not be written (CVE-2023-25809)',
    reason: 'the tree is writable there, as the mount asks: what the user may write in it the container may, too',
  },
  {
    runtime: /^crun/,
    title: 'the null device over masked files, in one that can mount',
    reason: 'its owner and mode can be changed, and it is the device of the host',
  },
  {
    runtime: /^crun/,
    title: 'is renamed',
    reason: 'what is masked and made read-only is looked for by name, while another container renames it',
  },
  {
    runtime: /^crun/,
    title: 'is refused with a limit that takes another',
    reason: 'refused, but the cgroup is left behind',
  },
  {
    runtime: /^crun/,
    title: 'empty-program-name',
    reason: '“the path is not a regular file: Operation not permitted”; podman takes it for 126 all the same',
  },
  {
    runtime: /^crun/,
    title: 'other empty words apparmorProfile, selinuxLabel',
    reason: 'an empty label is written, and refused by the kernel',
  },
  { runtime: /^crun/, title: 'other empty words path of a namespace', reason: 'an empty path is opened' },
  {
    runtime: /^crun/,
    title: 'other empty words cpus and mems',
    reason: 'an empty list is written, which takes a controller that is not there',
  },
  {
    runtime: /^crun/,
    title: 'pids-limit-zero -1',
    reason: 'no limit is written, too, which takes a controller that is not there',
  },
  {
    runtime: /^crun/,
    title: '-t gives a terminal',
    reason: 'with podman 4.3 the /dev/console of the container is not the terminal',
  },
  {
    runtime: /^crun/,
    title: "nothing of all this is left in the runtime's state root",
    reason: 'a directory .cache and the empty directory of its masks stay',
  },
  {
    runtime: /^crun/,
    title: 'rules for devices replace the old ones',
    reason: 'its `-` opens /dev/stdin, which can not be a socket',
  },
  {
    runtime: /^crun/,
    title: 'update without a change is fine',
    reason: 'its `-` opens /dev/stdin, which can not be a socket',
  },
  { runtime: /^crun/, title: 'resources from a file', reason: 'its `-` opens /dev/stdin, which can not be a socket' },
  {
    runtime: /^runc/,
    title: 'asks for nothing',
    reason: '`unconfined` is written also where there is no AppArmor, and refused',
  },
  {
    runtime: /^runc/,
    title: '--detach returns when the program runs',
    reason: 'exec returns a moment before the program is executed',
  },
  {
    runtime: /^runc/,
    title: 'create --pidfd-socket',
    reason: 'create fails when its first process is killed meanwhile',
  },
  {
    runtime: /^crun/,
    title: 'runs no hook of the image',
    reason:
      'a root path that is exchanged meanwhile leads it into the directory of the hooks, and a program of the image runs on the host',
  },
  {
    runtime: /^crun/,
    title: 'CRIU reads the configuration file of the annotation',
    reason: 'it is built for a libcriu before 4.2, which can not',
  },
  {
    runtime: /^crun/,
    title: 'null for what is optional',
    reason: 'a null is taken for a value somewhere: “read from the init process” is all that is said',
  },
  {
    runtime: /^crun/,
    title: 'a new user namespace without mappings',
    reason: 'here only root is mapped, and the group of /dev/pts in the configuration is not',
  },
  {
    runtime: /^crun/,
    title: 'delete of a container that is not there',
    reason: 'fails, with other words: its directory can not be opened',
  },
  {
    runtime: /^crun/,
    title: 'a user namespace that maps no root',
    reason: 'the group of /dev/pts in the configuration is not mapped',
  },
  { runtime: /^crun/, title: 'null for resources of update', reason: 'a null asks for a controller that is not there' },
  {
    runtime: /^crun/,
    title: 'poststop hooks run, too, when the bundle',
    reason: 'they run; then there is a warning, or a signal ends delete',
  },
  {
    runtime: /^(?:crun|runc)/,
    title: 'the file as a whole',
    reason: 'a file system that does not answer holds it up for ever',
  },
  {
    runtime: /^crun/,
    title: 'over a shared source does not come back',
    reason: 'what the host mounts there later does not come in',
  },
  {
    runtime: /^(?:crun|runc)/,
    title: 'what /proc and /dev have for whoever looks',
    reason: 'a bind of /proc/self/exe does not show the program',
  },
  { runtime: /^crun/, title: 'more mounts than the soft limit', reason: 'the limit is reached by what it keeps open' },
  {
    runtime: /^(?:crun|runc)/,
    title: 'each tmpfs without a mode',
    reason: 'it looks for a file that is named as the source, “tmpfs”',
  },
  {
    runtime: /^crun/,
    title: 'a bind that says something of itself has links',
    reason: 'the source’s nosymfollow is gone',
  },
  {
    runtime: /^crun/,
    title: 'a directory, a file and a tmpfs come into',
    reason: 'the options of the tmpfs have no effect',
  },
  { runtime: /^crun/, title: 'the root as a read-only path', reason: 'it stays writable' },
  {
    runtime: /^crun/,
    title: 'a mount that is masked or read-only as a whole',
    reason: 'a mount is not read-only when a path in it was made so before',
  },
  {
    runtime: /^runc/,
    title: '(CVE-2023-25809)',
    reason: 'the tree is writable there, as the mount asks: what the user may write in it the container may, too',
  },
  {
    runtime: /^runc/,
    title: 'HOME is found in a long /etc/passwd',
    reason: 'not found behind a line that is none, or is too long',
  },
  { runtime: /^runc/, title: 'large-passwd', reason: 'not found behind a line that is none, or is too long' },
  { runtime: /^runc/, title: 'a standard stream that is the null device', reason: 'it stays the device of the host' },
  {
    runtime: /^runc/,
    title: 'is renamed',
    reason: 'what is masked and made read-only is looked for by name, while another container renames it',
  },
  {
    runtime: /^runc/,
    title: 'lines come at the interval',
    reason: 'its events want files of memory, for which there is no controller',
  },
  {
    runtime: /^runc/,
    title: 'pids-limit-zero -1',
    reason: 'no limit is written, too, which takes a controller that is not there',
  },
  {
    runtime: /^runc/,
    title: 'where the output of a foreground terminal',
    reason: 'what Ctrl-@ echoes comes out of its terminal, too',
  },
  {
    runtime: /^runc/,
    title: 'what a startContainer hook wrote',
    reason: 'start succeeds; the container ends afterwards',
  },
  { runtime: /^runc/, title: 'null for resources of update', reason: 'panics' },
  {
    runtime: /^runc/,
    title: 'beside --process a command is ignored',
    reason: 'the words of the command are looked for as its own',
  },
  {
    runtime: /^runc/,
    title: 'a log may be a device, a descriptor',
    reason: 'what it writes to a log does not name the container',
  },
]
