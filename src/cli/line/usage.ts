import type { Argv } from 'yargs'
import { commands } from './commands.ts'
import { type CommandName, type Option, optionsOf } from './options.ts'
import { takesRest } from './parse.ts'
import { createYargs } from './yargs.ts'

/** Makes yargs read a line as parse.ts does. */
const PARSER = {
  'boolean-negation': false, // --no-pivot is the name of an option, not the opposite of --pivot
  'camel-case-expansion': false,
  'dot-notation': false,
  'greedy-arrays': false,
  'parse-positional-numbers': false,
  'strip-aliased': true,
} as const

const WIDTH = 100

/** yargs for the options of a command, or for the global ones (`*`), which end at the command. */
export function yargsFor(command: CommandName | '*', words: readonly string[] = []): Argv {
  const halt = command === '*' || takesRest(commands[command].positionals)
  const yargs = createYargs(words).usageConfiguration({ 'hide-types': true }).scriptName('tsrun').wrap(WIDTH)
  yargs
    .help(false)
    .version(false)
    .exitProcess(false)
    .parserConfiguration({ ...PARSER, 'halt-at-non-option': halt })
  for (const option of optionsOf(command)) declare(yargs, option)
  if (command !== '*') {
    const own = optionsOf(command).flatMap(({ name, short = '' }) => [name, ...short])
    const free = ({ name, short = '' }: Option) => ![name, ...short].some(form => own.includes(form))
    for (const option of optionsOf('*').filter(free)) declare(yargs, { ...option, hidden: true })
  }
  return yargs
}

function declare(yargs: Argv, option: Option): void {
  const { name, short = '', type, choices, default: preset, hidden = false } = option
  const takesValue = type !== 'boolean' && type !== 'count'
  yargs.option(name, {
    alias: [...short],
    type: type === 'count' ? 'count' : type,
    describe: describe(option),
    hidden,
    ...(choices === undefined ? {} : { choices }),
    ...(preset === undefined ? {} : { default: preset }),
    ...(takesValue ? { nargs: 1 } : {}),
  })
}

/** One cell of the help: `DIR: what it does (default: x)`. */
function describe({ placeholder, choices, help, default: preset }: Option): string {
  const value = placeholder ?? choices?.join('|')
  return `${value === undefined ? '' : `${value}: `}${help}${preset === undefined ? '' : ` (default: ${preset})`}`
}

/** The help of a command; without one, of the whole program. */
export async function helpText(command: CommandName | undefined): Promise<string> {
  const yargs = command === undefined ? programHelp() : commandHelp(command)
  return `${await yargs.getHelp()}\n`
}

function programHelp(): Argv {
  const yargs = yargsFor('*').usage(
    'Usage: $0 [OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n\nRuns containers from OCI bundles.',
  )
  for (const [name, { summary }] of Object.entries(commands)) yargs.command(name, summary)
  return yargs.epilogue('`$0 help COMMAND` tells more about a command.')
}

function commandHelp(command: CommandName): Argv {
  const { summary, positionals, details } = commands[command]
  const line = ['Usage: $0', command, '[OPTIONS]', ...positionals].join(' ')
  const yargs = yargsFor(command).usage(`${line}\n\n${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
  if (details !== undefined) yargs.epilogue(details)
  return yargs.epilogue('`$0 --help` shows the options that every command takes.')
}
