/** The commands that the program knows. */
export type CommandName =
  | 'create'
  | 'start'
  | 'run'
  | 'exec'
  | 'state'
  | 'kill'
  | 'delete'
  | 'pause'
  | 'resume'
  | 'update'
  | 'checkpoint'
  | 'restore'
  | 'mounts'
  | 'ps'
  | 'events'
  | 'wait'
  | 'inspect'
  | 'list'
  | 'gc'
  | 'doctor'
  | 'validate'
  | 'plan'
  | 'seccomp'
  | 'completion'
  | 'spec'
  | 'features'
  | 'help'

/** An option of the command line: what the parser, the help and the types of the verbs are made of. */
export interface Option {
  readonly name: string
  /** Its one-letter forms, the usual one first. */
  readonly short?: string
  /** `count` is how often the option is given, `array` collects every value; of the others the last one wins. */
  readonly type: 'boolean' | 'string' | 'number' | 'count' | 'array'
  /** Stands for the value in the help. */
  readonly placeholder?: string
  readonly choices?: readonly string[]
  readonly default?: string | number
  readonly help: string
  /** Accepted, but not shown in the help. */
  readonly hidden?: true
}

/** Options and the commands that take them; `*` marks the global ones. */
export interface OptionGroup {
  readonly commands: readonly (CommandName | '*')[]
  readonly options: readonly Option[]
}

// Options of several commands.
const BUNDLE = {
  name: 'bundle',
  short: 'b',
  type: 'string',
  placeholder: 'DIR',
  help: 'the bundle, else the current directory',
} as const
const CONFIG = {
  name: 'config',
  short: 'f',
  type: 'string',
  placeholder: 'FILE',
  help: 'read this instead of config.json',
} as const
const CONSOLE_SOCKET = {
  name: 'console-socket',
  type: 'string',
  placeholder: 'PATH',
  help: 'send the terminal to this socket',
} as const
const INIT_PID_FILE = {
  name: 'pid-file',
  type: 'string',
  placeholder: 'FILE',
  help: "write init's pid to this file",
} as const
const PRESERVE_FDS = {
  name: 'preserve-fds',
  type: 'number',
  placeholder: 'N',
  default: 0,
  help: 'pass N more descriptors, from 3 on',
} as const
const DETACH = { name: 'detach', short: 'd', type: 'boolean', help: 'return as soon as the program runs' } as const
const KEEP = { name: 'keep', type: 'boolean', help: 'do not delete the container after its end' } as const
const NO_SUBREAPER = {
  name: 'no-subreaper',
  type: 'boolean',
  help: 'no effect: orphans of the container are never adopted',
} as const
const JSON_OR_TEXT = {
  name: 'format',
  type: 'string',
  choices: ['text', 'json'],
  default: 'text',
  help: 'output format',
} as const
const FORMAT = { ...JSON_OR_TEXT, short: 'f' } as const

/**
 * Every option of every command. A name means one thing within a command; where a command and the global options share
 * a name (`spec --rootless`), the word's place decides: before the command it is the global one.
 */
export const optionGroups = [
  {
    commands: ['*'],
    options: [
      { name: 'root', type: 'string', placeholder: 'DIR', help: 'keep the state of containers here' },
      {
        name: 'log',
        type: 'string',
        placeholder: '[file:]PATH',
        help: 'append the error to this file, too; journald:ID and syslog:ID name the log of the system',
      },
      { name: 'log-format', type: 'string', choices: ['text', 'json'], default: 'text', help: 'format of that file' },
      {
        name: 'log-level',
        type: 'string',
        choices: ['error', 'warning', 'info', 'debug'],
        default: 'warning',
        help: 'the least important message to show',
      },
      { name: 'debug', type: 'boolean', help: 'the same as --log-level debug; tells where the time went, too' },
      {
        name: 'trace',
        type: 'string',
        placeholder: 'FILE',
        help: 'write every step and system call to this file, for https://ui.perfetto.dev; in a directory: to PID.json',
      },
      {
        name: 'cgroup-manager',
        type: 'string',
        choices: ['cgroupfs', 'systemd', 'disabled'],
        default: 'cgroupfs',
        help: 'who makes the cgroup of a container',
      },
      { name: 'systemd-cgroup', type: 'boolean', help: 'the same as --cgroup-manager systemd' },
      {
        name: 'rootless',
        type: 'string',
        choices: ['auto', 'true', 'false'],
        default: 'auto',
        help: 'do without what only root can do',
      },
      // crun has ignored it and runc dropped it long ago, but callers still have it in their settings.
      { name: 'criu', type: 'string', placeholder: 'PATH', hidden: true, help: 'ignored' },
      { name: 'help', short: 'h?', type: 'boolean', help: 'show this help' },
      { name: 'usage', type: 'boolean', hidden: true, help: 'show this help' },
      { name: 'version', short: 'vV', type: 'boolean', help: 'show the version' },
    ],
  },
  {
    commands: ['create', 'run'],
    options: [
      BUNDLE,
      CONFIG,
      CONSOLE_SOCKET,
      { name: 'pidfd-socket', type: 'string', placeholder: 'PATH', help: "send init's pidfd to this socket" },
      INIT_PID_FILE,
      { name: 'no-pivot', type: 'boolean', help: 'change the root by MS_MOVE and chroot, for a root on a ramdisk' },
      { name: 'no-new-keyring', type: 'boolean', help: "keep the caller's session keyring" },
      PRESERVE_FDS,
      NO_SUBREAPER,
    ],
  },
  {
    commands: ['run'],
    options: [DETACH, KEEP],
  },
  {
    commands: ['exec'],
    options: [
      {
        name: 'process',
        short: 'p',
        type: 'string',
        placeholder: 'FILE',
        help: 'run the process of this process.json',
      },
      { name: 'cwd', type: 'string', placeholder: 'DIR', help: 'working directory in the container' },
      { name: 'env', short: 'e', type: 'array', placeholder: 'NAME=VALUE', help: 'set an environment variable' },
      { name: 'user', short: 'u', type: 'string', placeholder: 'UID[:GID]', help: 'run as this user, in numbers' },
      { name: 'additional-gids', short: 'g', type: 'array', placeholder: 'GID', help: 'a further group, as a number' },
      { name: 'tty', short: 't', type: 'boolean', help: 'give the program a terminal of its own' },
      CONSOLE_SOCKET,
      { name: 'pidfd-socket', type: 'string', placeholder: 'PATH', help: "send the program's pidfd to this socket" },
      DETACH,
      { name: 'pid-file', type: 'string', placeholder: 'FILE', help: "write the program's pid to this file" },
      { name: 'cap', short: 'c', type: 'array', placeholder: 'CAP', help: 'the same as --cap-add' },
      {
        name: 'cap-add',
        type: 'array',
        placeholder: 'CAP',
        help: 'add a capability to the bounding, permitted and effective sets',
      },
      { name: 'cap-drop', type: 'array', placeholder: 'CAP|ALL', help: 'take a capability out of all sets' },
      {
        name: 'cap-set',
        type: 'array',
        placeholder: 'CAP|NONE',
        help: 'have this capability and no others but those of further --cap-set and --cap-add',
      },
      { name: 'no-new-privs', type: 'boolean', help: 'let no execve gain privileges' },
      { name: 'process-label', type: 'string', placeholder: 'LABEL', help: 'SELinux label of the program' },
      { name: 'apparmor', type: 'string', placeholder: 'PROFILE', help: 'AppArmor profile of the program' },
      PRESERVE_FDS,
      {
        name: 'cgroup',
        type: 'array',
        placeholder: 'PATH',
        help: 'run in this existing cgroup below that of the container',
      },
      { name: 'ignore-paused', type: 'boolean', help: 'enter a paused container, too, and wait until it is resumed' },
    ],
  },
  {
    commands: ['kill'],
    options: [{ name: 'all', short: 'a', type: 'boolean', help: 'signal every process of the container' }],
  },
  {
    commands: ['delete'],
    options: [{ name: 'force', short: 'f', type: 'boolean', help: 'kill it first; a missing container is no error' }],
  },
  {
    commands: ['kill', 'delete'],
    options: [{ name: 'regex', short: 'r', type: 'boolean', help: 'ID is a regular expression that matches ids' }],
  },
  {
    commands: ['update'],
    options: [
      {
        name: 'resources',
        short: 'r',
        type: 'string',
        placeholder: 'FILE',
        help: 'read the changes from this file, - is the standard input',
      },
      { name: 'memory', type: 'string', placeholder: 'BYTES', help: 'limit on memory: 64m, 1.5g; -1 is none' },
      { name: 'memory-reservation', type: 'string', placeholder: 'BYTES', help: 'memory to keep for it; -1 is all' },
      {
        name: 'memory-swap',
        type: 'string',
        placeholder: 'BYTES',
        help: 'limit on memory and swap together; -1 is none',
      },
      { name: 'cpu-share', type: 'string', placeholder: 'N', help: 'weight against others, 1024 is usual' },
      { name: 'cpu-quota', type: 'string', placeholder: 'USEC', help: 'processor time in a period; -1 is no limit' },
      { name: 'cpu-period', type: 'string', placeholder: 'USEC', help: 'length of a period' },
      { name: 'cpu-burst', type: 'string', placeholder: 'USEC', help: 'time that may be saved up for later periods' },
      { name: 'cpu-idle', type: 'string', choices: ['0', '1'], help: '1: run only when nobody else wants to' },
      { name: 'cpuset-cpus', type: 'string', placeholder: 'LIST', help: 'processors to use: 0-2,5' },
      { name: 'cpuset-mems', type: 'string', placeholder: 'LIST', help: 'memory nodes to use' },
      { name: 'blkio-weight', type: 'string', placeholder: 'N', help: 'weight of disk access, 10 to 1000' },
      { name: 'pids-limit', type: 'string', placeholder: 'N', help: 'limit on processes and threads; -1 is none' },
      { name: 'l3-cache-schema', type: 'string', placeholder: 'TEXT', help: 'schema of the L3 cache, see resctrl' },
      { name: 'mem-bw-schema', type: 'string', placeholder: 'TEXT', help: 'schema of memory bandwidth, see resctrl' },
      { name: 'dry-run', type: 'boolean', help: 'change nothing, show what would change' },
      // Cgroup version 2 has none of these: no value but 0 and -1 is taken, and the message says what to do instead.
      { name: 'cpu-rt-period', type: 'string', placeholder: 'USEC', help: 'refused: only cgroup version 1 has it' },
      { name: 'cpu-rt-runtime', type: 'string', placeholder: 'USEC', help: 'refused: only cgroup version 1 has it' },
      { name: 'kernel-memory', type: 'string', placeholder: 'BYTES', help: 'refused: --memory counts that, too' },
      { name: 'kernel-memory-tcp', type: 'string', placeholder: 'BYTES', help: 'refused: --memory counts that, too' },
    ],
  },
  {
    commands: ['inspect'],
    options: [
      {
        name: 'drift',
        type: 'boolean',
        help: 'show only what differs from config.json; the exit code is 1 if anything does',
      },
      FORMAT,
    ],
  },
  {
    commands: ['gc'],
    options: [
      { name: 'force', short: 'f', type: 'boolean', help: 'remove what is found; without it nothing is changed' },
      {
        name: 'all',
        short: 'a',
        type: 'boolean',
        help: 'take containers that have stopped for orphans, whoever made them',
      },
      {
        name: 'older-than',
        type: 'string',
        placeholder: 'TIME',
        help: 'take containers that have stopped and were created that long ago for orphans: 24h',
      },
      JSON_OR_TEXT,
    ],
  },
  {
    commands: ['doctor'],
    options: [FORMAT],
  },
  {
    commands: ['restore'],
    options: [
      BUNDLE,
      CONFIG,
      { name: 'detach', short: 'd', type: 'boolean', help: 'return as soon as the processes go on' },
      CONSOLE_SOCKET,
      INIT_PID_FILE,
      KEEP,
      NO_SUBREAPER,
      { name: 'no-pivot', type: 'boolean', help: 'no effect: CRIU changes the root in its own way' },
      { name: 'no-new-keyring', type: 'boolean', help: 'no effect: CRIU makes no keyring' },
    ],
  },
  {
    commands: ['checkpoint', 'restore'],
    options: [
      {
        name: 'image-path',
        type: 'string',
        placeholder: 'DIR',
        default: './checkpoint',
        help: 'directory of the checkpoint',
      },
      { name: 'work-path', type: 'string', placeholder: 'DIR', help: 'directory for logs, if not that one' },
    ],
  },
  {
    commands: ['checkpoint'],
    options: [
      {
        name: 'parent-path',
        type: 'string',
        placeholder: 'DIR',
        help: 'store only what has changed since this checkpoint; relative to --image-path',
      },
      { name: 'leave-running', type: 'boolean', help: 'let the container go on instead of deleting it' },
      { name: 'pre-dump', type: 'boolean', help: 'store memory only, so that the next checkpoint is faster' },
    ],
  },
  {
    commands: ['checkpoint', 'restore'],
    options: [{ name: 'tcp-established', type: 'boolean', help: 'keep established TCP connections' }],
  },
  {
    commands: ['checkpoint'],
    options: [
      { name: 'tcp-skip-in-flight', type: 'boolean', help: 'leave out TCP connections that are just being made' },
    ],
  },
  {
    commands: ['restore'],
    options: [{ name: 'tcp-close', type: 'boolean', help: 'close TCP connections that the checkpoint has' }],
  },
  {
    commands: ['checkpoint', 'restore'],
    options: [
      {
        name: 'network-lock',
        type: 'string',
        choices: ['iptables', 'nftables', 'skip'],
        help: 'what keeps packets away meanwhile; CRIU decides if left out',
      },
      { name: 'ext-unix-sk', type: 'boolean', help: 'allow unix sockets whose other end is outside' },
      { name: 'shell-job', type: 'boolean', help: 'allow processes whose session leader is outside' },
      { name: 'file-locks', type: 'boolean', help: 'keep file locks' },
      {
        name: 'manage-cgroups-mode',
        type: 'string',
        choices: ['soft', 'full', 'strict', 'ignore'],
        default: 'soft',
        help: 'which cgroups below that of the container get their old settings: those that CRIU makes, all, all and none may exist, none',
      },
      { name: 'empty-ns', type: 'string', choices: ['network'], help: 'leave out what is in this namespace' },
      { name: 'auto-dedup', type: 'boolean', help: 'punch out of parent checkpoints what is stored again' },
      { name: 'lazy-pages', type: 'boolean', help: 'fetch memory when it is used, see criu(8)' },
    ],
  },
  {
    commands: ['checkpoint'],
    options: [
      { name: 'link-remap', type: 'boolean', help: 'allow deleted files by links that are made next to them' },
      { name: 'page-server', type: 'string', placeholder: 'ADDRESS:PORT', help: 'send memory to this page server' },
      {
        name: 'status-fd',
        type: 'string',
        placeholder: 'N',
        help: 'write a zero byte to this descriptor when --lazy-pages waits for who fetches',
      },
    ],
  },
  {
    commands: ['restore'],
    options: [
      {
        name: 'lsm-profile',
        type: 'string',
        placeholder: 'TYPE:LABEL',
        help: 'AppArmor profile (apparmor:NAME) or SELinux label (selinux:LABEL) instead of the old one',
      },
      {
        name: 'lsm-mount-context',
        type: 'string',
        placeholder: 'LABEL',
        help: 'SELinux context of mounts instead of the old one',
      },
    ],
  },
  {
    commands: ['events'],
    options: [
      { name: 'stats', type: 'boolean', help: 'print the numbers once' },
      { name: 'interval', type: 'string', placeholder: 'TIME', default: '5s', help: 'print the numbers that often' },
      {
        name: 'format',
        short: 'f',
        type: 'string',
        choices: ['runc', 'v2'],
        default: 'runc',
        help: 'whose names and lines',
      },
    ],
  },
  {
    commands: ['ps'],
    options: [
      {
        name: 'format',
        short: 'f',
        type: 'string',
        choices: ['table', 'json'],
        default: 'table',
        help: 'output format; json is a list of pids',
      },
    ],
  },
  {
    commands: ['list'],
    options: [
      {
        name: 'format',
        short: 'f',
        type: 'string',
        choices: ['table', 'json'],
        default: 'table',
        help: 'output format',
      },
      { name: 'quiet', short: 'q', type: 'boolean', help: 'show only the ids' },
    ],
  },
  {
    commands: ['validate', 'plan'],
    options: [{ name: 'config', type: 'string', placeholder: 'FILE', help: 'read this instead of config.json' }],
  },
  {
    commands: ['plan'],
    options: [
      {
        name: 'id',
        type: 'string',
        placeholder: 'ID',
        help: "name of the container, else that of the bundle's directory",
      },
      { name: 'diff', type: 'string', placeholder: 'BUNDLE', help: 'show how the plan of this bundle differs' },
    ],
  },
  {
    commands: ['seccomp'],
    options: [
      {
        name: 'arch',
        short: 'a',
        type: 'string',
        placeholder: 'NAME',
        help: 'ask for this architecture; all: for each of the profile',
      },
      {
        name: 'cap',
        short: 'c',
        type: 'array',
        placeholder: 'CAP|NONE',
        help: "capability of the container, for rules of an engine's profile that depend on it; else the usual ones of podman",
      },
      { name: 'disassemble', short: 'd', type: 'boolean', help: 'show the instructions' },
    ],
  },
  {
    commands: ['validate', 'plan', 'seccomp'],
    options: [FORMAT],
  },
  {
    commands: ['spec'],
    options: [
      { name: 'bundle', short: 'b', type: 'string', placeholder: 'DIR', default: '.', help: 'write to this directory' },
      {
        name: 'file',
        short: 'f',
        type: 'string',
        placeholder: 'NAME',
        default: 'config.json',
        help: 'name of the file',
      },
      { name: 'rootless', type: 'boolean', help: 'for a container that an unprivileged user runs' },
      { name: 'host-rootfs', type: 'boolean', help: "use the host's root, read-only, as the root file system" },
    ],
  },
] as const satisfies readonly OptionGroup[]

type Groups = (typeof optionGroups)[number]
type OptionOf<Command, Group = Groups> = Group extends { commands: readonly (infer Name)[]; options: infer Options }
  ? Command extends Name
    ? Options extends readonly (infer One)[]
      ? One
      : never
    : never
  : never

type ChoiceOf<O> = O extends { choices: readonly (infer Choice)[] } ? Choice : string
type ValueOf<O> = O extends { type: 'boolean' }
  ? boolean
  : O extends { type: 'count' }
    ? number
    : O extends { type: 'array' }
      ? readonly string[]
      : (O extends { type: 'number' } ? number : ChoiceOf<O>) | (O extends { default: unknown } ? never : undefined)

/** The options of a command (`*`: the global ones) as its verb sees them, defaults filled in. */
export type OptionsOf<Command extends CommandName | '*'> = {
  readonly [O in OptionOf<Command> as O extends { name: infer Name extends string } ? Name : never]: ValueOf<O>
}

/** The rows of the table for a command, or for `*`, in the order of the table. */
export function optionsOf(command: CommandName | '*'): Option[] {
  const groups: readonly OptionGroup[] = optionGroups
  return groups.filter(group => group.commands.includes(command)).flatMap(group => group.options)
}

/** Which commands take an option of this name? */
export function commandsWith(name: string): CommandName[] {
  const groups: readonly OptionGroup[] = optionGroups
  const commands = groups
    .filter(group => group.options.some(option => option.name === name))
    .flatMap(group => group.commands)
  return commands.filter(command => command !== '*')
}
