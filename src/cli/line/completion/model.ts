import { capabilities } from '../../../../native/abi/capability.ts'
import { signals } from '../../../../native/abi/signal.ts'
import { type Command, commands } from '../commands.ts'
import { type CommandName, type Option, optionsOf } from '../options.ts'
import { keywordsOf } from '../parse.ts'

/** What can stand at a place of a command line. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' | 'directory' | 'bundle' | 'container' | 'nothing' }

/** An option as shells see it. */
export interface OptionModel {
  /** `--bundle`, `-b`. */
  readonly forms: readonly string[]
  /** Undefined when the option takes no value. */
  readonly values: Values | undefined
  /** May be given more than once. */
  readonly repeats: boolean
  readonly help: string
}

/** A command as shells see it. */
export interface CommandModel {
  readonly name: string
  readonly summary: string
  readonly options: readonly OptionModel[]
  /** One for each argument; the last one may stand for all that follow. */
  readonly places: readonly Values[]
  readonly many: boolean
}

/** The whole command line, from the tables of options and commands. */
export interface CompletionModel {
  readonly globals: readonly OptionModel[]
  readonly commands: readonly CommandModel[]
}

/** What placeholders stand for; the others are texts that nobody can guess. */
const PLACEHOLDERS: Readonly<Record<string, () => Values>> = {
  DIR: () => ({ kind: 'directory' }),
  BUNDLE: () => ({ kind: 'bundle' }),
  FILE: () => ({ kind: 'file' }),
  PATH: () => ({ kind: 'file' }),
  '[file:]PATH': () => ({ kind: 'file' }),
  PROFILE: () => ({ kind: 'file' }),
  ID: () => ({ kind: 'container' }),
  CAP: () => capabilityWords(),
  'CAP|ALL': () => capabilityWords('ALL'),
  'CAP|NONE': () => capabilityWords('NONE'),
  SIGNAL: () => ({ kind: 'words', words: Object.keys(signals).map(name => name.replace(/^SIG/, '')) }),
  COMMAND: () => ({ kind: 'words', words: Object.keys(commands) }),
}

function capabilityWords(...others: string[]): Values {
  return { kind: 'words', words: [...Object.keys(capabilities), ...others] }
}

export function completionModel(): CompletionModel {
  const names = Object.keys(commands) as CommandName[]
  return {
    globals: optionsOf('*').filter(isShown).map(optionModel),
    commands: names.map(name => commandModel(name, commands[name])),
  }
}

function commandModel(name: CommandName, { summary, positionals }: Command): CommandModel {
  return {
    name,
    summary,
    options: optionsOf(name).filter(isShown).map(optionModel),
    places: positionals.map(positional => placeValues(name, positional)),
    many: positionals.at(-1)?.includes('...') === true,
  }
}

function isShown({ hidden }: Option): boolean {
  return hidden !== true
}

/** A container that is made has no id yet, and `exec` has a command that nobody but the container knows. */
function placeValues(command: CommandName, positional: string): Values {
  const keywords = keywordsOf(positional)
  if (keywords.length > 0) return { kind: 'words', words: keywords }
  const placeholder = positional.replace(/[[\].]/g, '')
  const isNew = ['create', 'run', 'restore'].includes(command) && placeholder === 'ID'
  if (isNew || (command === 'exec' && placeholder === 'COMMAND')) return { kind: 'nothing' }
  return valuesOf(placeholder)
}

function valuesOf(placeholder: string): Values {
  return Object.hasOwn(PLACEHOLDERS, placeholder) ? PLACEHOLDERS[placeholder]!() : { kind: 'nothing' }
}

function optionModel({ name, short = '', type, choices, placeholder = '', help }: Option): OptionModel {
  const takesValue = type !== 'boolean' && type !== 'count'
  const values: Values = choices
    ? { kind: 'words', words: choices }
    : valuesOf(name === 'bundle' ? 'BUNDLE' : placeholder)
  return {
    // -? would be a pattern.
    forms: [`--${name}`, ...[...short].filter(letter => /\w/.test(letter)).map(letter => `-${letter}`)],
    values: takesValue ? values : undefined,
    repeats: type === 'array' || type === 'count',
    help,
  }
}
