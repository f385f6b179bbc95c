// Man pages, made of the tables that the program itself uses: tsrun(1), and tsrun-COMMAND(1) for each command.

import { commands } from '../../src/cli/line/commands.ts'
import { type CommandName, type Option, optionsOf } from '../../src/cli/line/options.ts'
import { examples } from './examples.ts'

export interface Page {
  readonly name: string
  readonly text: string
}

/** Text that is neither a request nor an escape of roff(7). */
function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
}

const bold = (text: string) => `\\fB${plain(text)}\\fR`
const italic = (text: string) => `\\fI${plain(text)}\\fR`

function head(name: string, summary: string, version: string, date: string): string[] {
  const title = `.TH ${name.toUpperCase()} 1 "${date}" "tsrun ${version}" "Containers"`
  return [title, '.SH NAME', `${plain(name)} \\- ${plain(summary)}`]
}

function optionEntry({ name, short = '', placeholder, choices, help, default: preset }: Option): string[] {
  const value = placeholder ?? choices?.join('|')
  const long = `${bold(`--${name}`)}${value === undefined ? '' : ` ${italic(value)}`}`
  const forms = [...[...short].map(letter => bold(`-${letter}`)), long].join(', ')
  return ['.TP', forms, plain(`${help}${preset === undefined ? '' : ` (default: ${preset})`}`)]
}

function optionSection(title: string, command: CommandName | '*'): string[] {
  const shown = optionsOf(command).filter(({ hidden }) => !hidden)
  return shown.length === 0 ? [] : [`.SH ${title}`, ...shown.flatMap(optionEntry)]
}

function commandPage(command: CommandName, version: string, date: string): Page {
  const { summary, positionals, details } = commands[command]
  const words = positionals.map(word => ` ${italic(word)}`).join('')
  const sentence = `${summary[0]!.toUpperCase()}${summary.slice(1)}.`
  const lines = [
    ...head(`tsrun-${command}`, summary, version, date),
    '.SH SYNOPSIS',
    `${bold('tsrun')} [${italic('OPTIONS')}] ${bold(command)} [${italic('OPTIONS')}]${words}`,
    '.SH DESCRIPTION',
    plain(sentence),
    ...(details === undefined ? [] : ['.PP', plain(details)]),
    ...optionSection('OPTIONS', command),
    '.SH EXAMPLES',
    ...examples[command].flatMap(([line, purpose]) => ['.TP', bold(line), plain(purpose)]),
    '.SH SEE ALSO',
    `${bold('tsrun')}(1), whose options every command takes`,
  ]
  return { name: `tsrun-${command}`, text: `${lines.join('\n')}\n` }
}

function programPage(version: string, date: string): Page {
  const names = Object.keys(commands) as CommandName[]
  const lines = [
    ...head('tsrun', 'run containers from OCI bundles', version, date),
    '.SH SYNOPSIS',
    `${bold('tsrun')} [${italic('OPTIONS')}] ${italic('COMMAND')} [${italic('OPTIONS')}] [${italic('ARGUMENTS')}]`,
    '.SH DESCRIPTION',
    plain('A container runtime as the OCI specification has it, for podman, buildah, docker, containerd, and by hand.'),
    ...optionSection('OPTIONS OF EVERY COMMAND', '*'),
    '.SH COMMANDS',
    ...names.flatMap(name => ['.TP', `${bold(`tsrun-${name}`)}(1)`, plain(commands[name].summary)]),
    '.SH EXIT STATUS',
    plain('0, or 1 after a failure, but for commands that say otherwise. A program that is run gives its own.'),
    '.SH FILES',
    '.TP',
    italic('/run/tsrun'),
    plain('the state of containers of root; of other users it is in $XDG_RUNTIME_DIR/tsrun'),
    '.SH SEE ALSO',
    `${bold('podman')}(1), ${bold('crun')}(1), ${bold('runc')}(8), ${bold('containers.conf')}(5)`,
  ]
  return { name: 'tsrun', text: `${lines.join('\n')}\n` }
}

/** All pages, for section 1. */
export function manualPages(version: string, date: string): Page[] {
  const names = Object.keys(commands) as CommandName[]
  return [programPage(version, date), ...names.map(name => commandPage(name, version, date))]
}
