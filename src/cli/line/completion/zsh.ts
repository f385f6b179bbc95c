import type { CommandModel, CompletionModel, OptionModel, Values } from './model.ts'

/** The script for zsh, a file `_tsrun` in a directory of $fpath. */
export function zshScript({ globals, commands }: CompletionModel): string {
  return `#compdef tsrun
# Completion of tsrun for zsh, printed by \`tsrun completion zsh\`.

# Directories with a config.json; all directories while there are none.
_tsrun_bundles() {
  local -a bundles
  bundles=(\${(Q)PREFIX}*/config.json(N:h))
  if (( $#bundles )); then
    compadd -f -S / -q -a bundles
  else
    _directories
  fi
}

_tsrun_containers() {
  local -a containers
  containers=(\${(f)"$("$program" "\${root[@]}" list --quiet 2>/dev/null)"})
  compadd -a containers
}

_tsrun() {
  local curcontext=$curcontext state line program=$words[1]
  local -a commands root
  local -A opt_args
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}\n`).join('')}  )
  _arguments -C -S \\
${globals.map(option => `    ${spec(option)} \\\n`).join('')}    '1:command:->command' \\
    '*::argument:->argument'
  (( $+opt_args[--root] )) && root=(--root "\${(Q)opt_args[--root]}")
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${commands.map(commandCase).join('')}      esac
      ;;
  esac
}

# When the file is read instead of found in $fpath.
if [[ $funcstack[1] == _tsrun ]]; then
  _tsrun "$@"
else
  compdef _tsrun tsrun
fi
`
}

function commandCase({ name, options, places, many }: CommandModel): string {
  const specs = [
    ...options.map(spec),
    ...places.map((values, place) => {
      const rest = many && place === places.length - 1
      return quote(`${rest ? '*' : place + 1}:argument:${action(values)}`)
    }),
  ]
  if (specs.length === 0) return ''
  return `        ${name})\n          _arguments -S \\\n${specs.map(text => `            ${text}`).join(' \\\n')}\n          ;;\n`
}

/** \`'(-b --bundle)'{-b+,--bundle=}'[help]:value:_directories'\` for _arguments. */
function spec({ forms, values, repeats, help }: OptionModel): string {
  const shown = forms.map(form => (values === undefined ? form : form.startsWith('--') ? `${form}=` : `${form}+`))
  const argument = values === undefined ? '' : `:value:${action(values)}`
  const text = quote(`[${help.replace(/[[\]]/g, '\\$&')}]${argument}`)
  const before = repeats ? "'*'" : forms.length > 1 ? quote(`(${forms.join(' ')})`) : ''
  return `${before}${forms.length > 1 ? `{${shown.join(',')}}` : shown[0]}${text}`
}

function action(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `(${values.words.join(' ')})`
    case 'file':
      return '_files'
    case 'directory':
      return '_directories'
    case 'bundle':
      return '_tsrun_bundles'
    case 'container':
      return '_tsrun_containers'
    case 'nothing':
      return ' '
    default:
      return values satisfies never
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
