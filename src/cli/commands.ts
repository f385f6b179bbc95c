import type { Runtime } from '../runtime.ts'
import type { CommandName, OptionsOf } from './options.ts'

/**
 * A verb: reads its options, decides, calls, names the failure. Its result is the exit code, 0 when there is none. It
 * lives in a file of its own that is loaded when the command is called.
 */
export type Verb<Command extends CommandName> = (
  runtime: Runtime,
  options: OptionsOf<Command>,
  positionals: readonly string[],
) => Promise<number> | number | undefined

/** A command as data. */
export interface Command {
  readonly summary: string
  /** `ID` must be there, `[SIGNAL]` may be, `[ARGUMENT...]` takes the rest of the line, options or not. */
  readonly positionals: readonly string[]
  /** A last paragraph for its help. */
  readonly details?: string
  /** What the program returns when the command fails; 1 if left out. A wrong command line is 1 for every command. */
  readonly failure?: number
  /** Without it the command is answered from the table alone. */
  readonly load?: () => Promise<{
    readonly verb: (runtime: Runtime, options: never, words: readonly string[]) => unknown
  }>
}

/** Every command, in the order of the help. */
export const commands: Readonly<Record<CommandName, Command>> = {
  create: {
    summary: 'make a container, ready to start',
    positionals: ['ID'],
    load: () => import('./create.ts'),
  },
  start: { summary: 'run the program of a created container', positionals: ['ID'], load: () => import('./start.ts') },
  run: {
    summary: 'create a container, start it, and wait for its end',
    positionals: ['ID'],
    details: 'Without --bundle, ID can be the path of a bundle; the container is then named after that directory.',
    load: () => import('./run.ts'),
  },
  exec: {
    summary: 'run another program in a container',
    positionals: ['ID', '[COMMAND]', '[ARGUMENT...]'],
    details:
      "It runs like the container's own process but for what the options say; with --process it is what the file says. " +
      'The exit code is that of the program, 128 + n after signal n, and 255 when there is no such program to run.',
    failure: 255, // as runc: callers tell by it that it was not the program
    load: () => import('./exec.ts'),
  },
  state: { summary: 'print the state of a container as JSON', positionals: ['ID'], load: () => import('./state.ts') },
  kill: {
    summary: "send a signal to a container's init",
    positionals: ['ID', '[SIGNAL]'],
    details: 'SIGNAL is a name, with or without SIG, or a number; SIGTERM if left out.',
    load: () => import('./kill.ts'),
  },
  delete: {
    summary: 'remove what is left of a container',
    positionals: ['ID'],
    load: () => import('./delete.ts'),
  },
  pause: {
    summary: 'stop all processes of a container until it is resumed',
    positionals: ['ID'],
    load: () => import('./pause.ts'),
  },
  resume: {
    summary: 'let the processes of a paused container go on',
    positionals: ['ID'],
    load: () => import('./resume.ts'),
  },
  update: {
    summary: 'change the limits of a container',
    positionals: ['ID'],
    details:
      'FILE holds linux.resources of a config.json, or the part of it that changes; other options come on top of it. ' +
      'Rules for devices replace the old ones. If something can not be set, everything is as it was.',
    load: () => import('./update.ts'),
  },
  ps: {
    summary: 'list the processes of a container',
    positionals: ['ID', '[ARGUMENT...]'],
    details: 'The arguments are for ps(1), which makes the table; -ef if left out.',
    load: () => import('./ps.ts'),
  },
  events: {
    summary: 'print the numbers of a container and what happens to it, a line of JSON each, until its end',
    positionals: ['ID'],
    details:
      'runc: lines of type stats and oom, as runc prints them. v2: also memory and pids (a limit was met), paused, ' +
      'resumed and exit, with the names that cgroup version 2 has.',
    load: () => import('./events.ts'),
  },
  wait: {
    summary: 'wait for the end of a container and print its exit code',
    positionals: ['ID'],
    details:
      '128 + n after a signal n. The code is known for sure to the parent of the first process only; wait finds it while ' +
      'that has not asked for it, from Linux 6.15 on also later if it was already waiting, and for containers of run --keep.',
    load: () => import('./wait.ts'),
  },
  list: { summary: 'list the containers', positionals: [], load: () => import('./list.ts') },
  spec: { summary: 'write a config.json to begin with', positionals: [], load: () => import('./spec.ts') },
  features: {
    summary: 'print what this runtime can do, as JSON',
    positionals: [],
    load: () => import('./features.ts'),
  },
  help: { summary: 'show the help of a command', positionals: ['[COMMAND]'] },
}

/** Is this word the name of a command? */
export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(commands, word)
}
