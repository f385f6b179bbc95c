import type { CommandModel, CompletionModel, OptionModel, Values } from './model.ts'

/** The script for fish. */
export function fishScript({ globals, commands }: CompletionModel): string {
  const valued = [
    ...globals.filter(({ values }) => values).flatMap(({ forms }) => forms),
    ...commands.flatMap(({ name, options }) =>
      options.filter(({ values }) => values).flatMap(({ forms }) => forms.map(form => `${name}:${form}`)),
    ),
  ]
  const plain = commands.flatMap(({ name, options }) =>
    options.filter(({ values }) => !values).flatMap(({ forms }) => forms.map(form => `${name}:${form}`)),
  )
  const lines = [
    ...commands.map(({ name, summary }) => `complete -c tsrun -n __tsrun_no_command -a ${name} -d ${quote(summary)}\n`),
    ...globals.map(option => optionLine(option, '')),
    ...commands.flatMap(commandLines),
  ]
  return `${reader(valued, plain)}${FUNCTIONS}complete -c tsrun -f\n${lines.join('')}`
}

/** What takes the line apart: `valued` options have a value, of a command or of all; `plain` ones of a command have none. */
function reader(valued: readonly string[], plain: readonly string[]): string {
  return `# Completion of tsrun for fish, printed by \`tsrun completion fish\`.

# The command and the arguments behind it, without options and their values. With -r: the options --root, with its value.
function __tsrun_line
    set -l valued ${valued.join(' ')}
    set -l plain ${plain.join(' ')}
    set -l found
    set -l root
    set -l option
    for word in (commandline -opc)[2..-1]
        if test -n "$option"
            test "$option" = --root; and set root --root $word
            set option
        else if string match -q -- '--root=*' $word
            set root $word
        else if string match -q -- '-*' $word
            if contains -- "$found[1]:$word" $valued
                set option $word
            else if contains -- $word $valued; and not contains -- "$found[1]:$word" $plain
                set option $word
            end
        else
            set -a found $word
        end
    end
    if test "$argv[1]" = -r
        test -n "$root[1]"; and printf '%s\\n' $root
    else
        test -n "$found[1]"; and printf '%s\\n' $found
    end
    return 0
end

`
}

const FUNCTIONS = `# Is this the command, and is it followed by so many arguments? At least so many with a + behind the number.
function __tsrun_at
    set -l line (__tsrun_line)
    test "$line[1]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; and return 0
    set -l place (math (count $line) - 1)
    if string match -q -- '*+' $argv[2]
        test $place -ge (string trim -r -c + -- $argv[2])
    else
        test $place -eq $argv[2]
    end
end

function __tsrun_no_command
    test (count (__tsrun_line)) -eq 0
end

function __tsrun_containers
    set -l program (commandline -opc)[1]
    $program (__tsrun_line -r) list --quiet 2>/dev/null
end

# Directories with a config.json; all directories while there are none.
function __tsrun_bundles
    set -l directories (__fish_complete_directories (commandline -ct))
    set -l bundles
    for directory in $directories
        set -l path (string split \\t -- $directory)[1]
        test -e $path/config.json; and set -a bundles $path
    end
    if test -n "$bundles[1]"
        printf '%s\\n' $bundles
    else
        test -n "$directories[1]"; and printf '%s\\n' $directories
    end
end

`

function commandLines({ name, options, places, many }: CommandModel): string[] {
  return [
    ...options.map(option => optionLine(option, ` -n '__tsrun_at ${name}'`)),
    ...places.flatMap((values, place) => {
      const rest = many && place === places.length - 1 ? '+' : ''
      const text = action(values)
      return text === '' ? [] : [`complete -c tsrun -n '__tsrun_at ${name} ${place}${rest}' ${text}\n`]
    }),
  ]
}

function optionLine({ forms, values, help }: OptionModel, condition: string): string {
  const names = forms.map(form => (form.startsWith('--') ? `-l ${form.slice(2)}` : `-s ${form.slice(1)}`))
  const value = values === undefined ? '' : ` -r ${action(values) || '-f'}`
  return `complete -c tsrun${condition} ${names.join(' ')}${value} -d ${quote(help)}\n`
}

function action(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `-f -a ${quote(values.words.join(' '))}`
    case 'file':
      return '-F'
    case 'directory':
      return "-f -a '(__fish_complete_directories (commandline -ct))'"
    case 'bundle':
      return "-f -a '(__tsrun_bundles)'"
    case 'container':
      return "-f -a '(__tsrun_containers)'"
    case 'nothing':
      return ''
    default:
      return values satisfies never
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
