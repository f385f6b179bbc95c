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
