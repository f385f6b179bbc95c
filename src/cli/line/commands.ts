import type { CommandName } from './options.ts'

/** A command as data. */
export interface Command {
  readonly summary: string
  /**
   * `ID` must be there, `[SIGNAL]` may be, `[ARGUMENT...]` takes the rest of the line, options or not, `[ARGUMENT]...` any
   * number of words between options. Lower case stands for itself: `add|remove`.
   */
  readonly positionals: readonly string[]
  /** A last paragraph for its help. */
  readonly details?: string
  /** What the program returns when the command fails; 1 if left out. A wrong command line is 1 for every command. */
  readonly failure?: number
  /** For people, who do not count milliseconds: the static binary does not have it in the memory that it starts with. */
  readonly rare?: true
}

/** Every command, in the order of the help. */
export const commands: Readonly<Record<CommandName, Command>> = {
  create: {
    summary: 'make a container, ready to start',
    positionals: ['ID'],
  },
  start: {
    summary: 'run the program of a created container',
    positionals: ['ID'],
  },
  run: {
    summary: 'create a container, start it, and wait for its end',
    positionals: ['ID'],
    details: 'Without --bundle, ID can be the path of a bundle; the container is then named after that directory.',
  },
  exec: {
    summary: 'run another program in a container',
    positionals: ['ID', '[COMMAND]', '[ARGUMENT...]'],
    details:
      "It runs like the container's own process but for what the options say; with --process it is what the file says. " +
      'The exit code is that of the program, 128 + n after signal n, and 255 when there is no such program to run.',
    failure: 255, // as runc: callers tell by it that it was not the program
  },
  state: {
    summary: 'print the state of a container as JSON',
    positionals: ['ID'],
  },
  kill: {
    summary: "send a signal to a container's init",
    positionals: ['ID', '[SIGNAL]'],
    details: 'SIGNAL is a name, with or without SIG, or a number; SIGTERM if left out.',
  },
  delete: {
    summary: 'remove what is left of a container',
    positionals: ['ID'],
  },
  pause: {
    summary: 'stop all processes of a container until it is resumed',
    positionals: ['ID'],
  },
  resume: {
    summary: 'let the processes of a paused container go on',
    positionals: ['ID'],
  },
  update: {
    summary: 'change the limits of a container',
    positionals: ['ID'],
    details:
      'FILE holds linux.resources of a config.json, or the part of it that changes; other options come on top of it. ' +
      'Rules for devices replace the old ones. If something can not be set, everything is as it was.',
  },
  checkpoint: {
    summary: 'store the state of a running container in files, with CRIU',
    positionals: ['ID'],
    details:
      'The container is deleted then. Its files are not stored: the root file system and what is bound stays where it is.',
  },
  restore: {
    summary: 'make a container of a checkpoint, whose processes go on where they were',
    positionals: ['ID'],
    details:
      'The bundle has to be that of the checkpoint, or one like it. Without --detach it waits for the end of the container ' +
      'and deletes it, as run does.',
  },
  mounts: {
    summary: 'mount something into a running container, or take it away again',
    positionals: ['add|remove', 'ID', 'FILE'],
    details:
      'FILE (- is the standard input) holds a list of mounts as in config.json; remove looks at their destinations only. All ' +
      'are added or none. What is removed has to have come from config.json or from mounts add.',
    rare: true,
  },
  ps: {
    summary: 'list the processes of a container',
    positionals: ['ID', '[ARGUMENT...]'],
    details: 'The arguments are for ps(1), which makes the table; -ef if left out.',
  },
  events: {
    summary: 'print the numbers of a container and what happens to it, a line of JSON each, until its end',
    positionals: ['ID'],
    details:
      'runc: lines of type stats and oom, as runc prints them. v2: also memory and pids (a limit was met), paused, ' +
      'resumed and exit, with the names that cgroup version 2 has.',
  },
  wait: {
    summary: 'wait for the end of a container and print its exit code',
    positionals: ['ID'],
    details:
      '128 + n after a signal n. The code is known for sure to the parent of the first process only; wait finds it while ' +
      'that has not asked for it, from Linux 6.15 on also later if it was already waiting, and for containers of run --keep.',
  },
  inspect: {
    summary: 'show all about a container as it is at the moment',
    positionals: ['ID'],
    details:
      'With --drift the exit code is 0 when everything is as config.json and updates have it, 1 when something differs, and 2 ' +
      'when that could not be found out. What a program may change by itself is only noted. Compared are namespaces with ' +
      'their names, sysctls and clocks, the rights, limits and priorities of the first process, mounts, and the cgroup; not ' +
      'its user, arguments and environment, flags and deadlines of its scheduler, memory policy, personality, resctrl group ' +
      'and network devices, nor what a seccomp filter says.',
    failure: 2, // as of diff(1): the answer is not known
    rare: true,
  },
  list: { summary: 'list the containers', positionals: [] },
  gc: {
    summary: 'find what dead containers have left behind, and remove it',
    positionals: [],
    details:
      'Orphans are: directories of containers whose creation was killed; containers that have stopped and whose bundle is ' +
      'gone, or that were created before the last boot; cgroups that tsrun made for containers of this --root which are gone. ' +
      'Other containers that have stopped wait for their owner to delete them. What has processes is never touched.',
    rare: true,
  },
  doctor: {
    summary: 'look whether this host can run containers, and say what to do when it can not',
    positionals: [],
    details: 'The exit code is 1 when something makes containers impossible. Nothing is changed.',
    rare: true,
  },
  validate: {
    summary: 'find all that is wrong with a bundle, without creating anything',
    positionals: ['[BUNDLE]'],
    details:
      'Looks at the shape of config.json, at its meaning, and at whether it fits this host. Each line names the place, as a ' +
      'JSON pointer. The exit code is 1 when there is an error, 0 when there are warnings and notes only.',
    rare: true,
  },
  plan: {
    summary: 'list what create and start would do with a bundle, step by step',
    positionals: ['[BUNDLE]'],
    details: 'With --diff the exit code is 1 when the plans differ. Nothing is changed.',
    rare: true,
  },
  seccomp: {
    summary: 'explain what a filter of system calls does, and find mistakes in it',
    positionals: ['explain', 'PROFILE', '[SYSCALL]', '[ARGUMENT]...'],
    details:
      'PROFILE is a bundle, a config.json, its linux.seccomp, or a profile of a container engine. With SYSCALL: what that call ' +
      'gets with these arguments, which are numbers, and which rule says so; negative ones go after --. Without: the filter ' +
      'in numbers, and what looks like a mistake.',
    rare: true,
  },
  completion: {
    summary: 'print a script that completes command lines of tsrun in a shell',
    positionals: ['bash|zsh|fish'],
    details:
      'bash: put it into /usr/share/bash-completion/completions/tsrun; zsh: as _tsrun into a directory of $fpath; fish: as ' +
      'tsrun.fish into ~/.config/fish/completions.',
    rare: true,
  },
  spec: {
    summary: 'write a config.json to begin with',
    positionals: [],
  },
  features: {
    summary: 'print what this runtime can do, as JSON',
    positionals: [],
  },
  help: { summary: 'show the help of a command', positionals: ['[COMMAND]'] },
}

/** Is this word the name of a command? */
export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(commands, word)
}
