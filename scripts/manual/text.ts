// docs/commands.md, made of the tables that the program itself uses.

import { commands } from '../../src/cli/line/commands.ts'
import { type CommandName, type Option, optionsOf } from '../../src/cli/line/options.ts'
import { examples } from './examples.ts'

/** A `|` would end the cell. */
const cell = (text: string) => text.replaceAll('|', '\\|')

function row({ name, short = '', placeholder, choices, help, default: preset }: Option): string {
  const value = placeholder ?? choices?.join('|')
  const long = `\`--${name}${value === undefined ? '' : ` ${value}`}\``
  const forms = [...[...short].map(letter => `\`-${letter}\``), long].join(', ')
  return `| ${cell(forms)} | ${cell(help)}${preset === undefined ? '' : ` (default: ${preset})`} |`
}

function optionTable(command: CommandName | '*'): string[] {
  const rows = optionsOf(command).filter(({ hidden }) => !hidden)
  return rows.length === 0 ? [] : ['| option | |', '| --- | --- |', ...rows.map(row), '']
}

function section(command: CommandName): string[] {
  const { summary, positionals, details } = commands[command]
  const line = ['tsrun', command, '[OPTIONS]', ...positionals].join(' ')
  const shown = examples[command].map(([text, purpose]) => `$ ${text}    # ${purpose}`)
  return [
    `## ${command}`,
    '',
    `\`${line}\``,
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.${details === undefined ? '' : ` ${details}`}`,
    '',
    ...optionTable(command),
    '```console',
    ...shown,
    '```',
    '',
  ]
}

/** The whole manual. */
export function manual(): string {
  const names = Object.keys(commands) as CommandName[]
  return [
    '<!-- Made by `npm run generate manual` from src/cli/line/options.ts, src/cli/line/commands.ts and scripts/manual/examples.ts. -->',
    '',
    '# Commands of tsrun',
    '',
    `${names.map(name => `[${name}](#${name})`).join(' · ')}`,
    '',
    'Options of a command stand behind its name; those that every command takes stand before it or behind it. The exit code',
    'is 0, or 1 after a failure, but for commands that say otherwise; [errors.md](errors.md) tells about failures.',
    '',
    '## Options of every command',
    '',
    ...optionTable('*'),
    ...names.flatMap(section),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n')
}
