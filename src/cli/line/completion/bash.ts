import type { CommandModel, CompletionModel, OptionModel, Values } from './model.ts'

/** The script for bash. It needs no package of completions. */
export function bashScript(model: CompletionModel): string {
  const { globals, commands } = model
  const valued = cases(model, option => (option.values ? 'return 0' : undefined))
  const values = cases(model, ({ values }) => values && reply(values))
  const options = commands.map(
    ({ name, options }) => `    ${name}) _tsrun_words ${words(forms([...options, ...globals]))} ;;\n`,
  )
  const places = commands.flatMap(placeCases)
  return `# Completion of tsrun for bash, printed by \`tsrun completion bash\`.

# Does this option take a value? $1 is the command, $2 the option.
_tsrun_valued() {
  case "$1 $2" in
${valued}  esac
  return 1
}

${FUNCTIONS}${READING}  if [[ -n $option ]]; then
    case "$command $option" in
${values.replace(/^ {2}/gm, '    ')}    esac
  elif [[ -z $command && $current == -* ]]; then
    _tsrun_words ${words(forms(globals))}
  elif [[ -z $command ]]; then
    _tsrun_words ${words(commands.map(({ name }) => name))}
  elif [[ $current == -* ]]; then
    case $command in
${options.map(line => `  ${line}`).join('')}    esac
  else
    case "$command $place" in
${places.map(line => `  ${line}`).join('')}    esac
  fi
}

complete -F _tsrun tsrun
`
}

const FUNCTIONS = `_tsrun_words() {
  mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

_tsrun_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}

# Directories with a config.json; all directories while there are none.
_tsrun_bundles() {
  local directory bundles=()
  _tsrun_files -d
  for directory in "\${COMPREPLY[@]}"; do
    [[ -e $directory/config.json ]] && bundles+=("$directory")
  done
  ((\${#bundles[@]} > 0)) && COMPREPLY=("\${bundles[@]}")
}

_tsrun_containers() {
  _tsrun_words "$("\${COMP_WORDS[0]}" "\${root[@]}" list --quiet 2>/dev/null)"
}

`

/** The beginning of the function that bash calls: what stands before the word at the cursor. */
const READING = `_tsrun() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= place=0 root=() rest= i word
  COMPREPLY=()
  # In --format=json and A=b the sign is a word of its own.
  [[ $current == = ]] && current=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == = ]]; then
      [[ -n $option ]] || rest=yes
    elif [[ -n $rest ]]; then
      rest=
    elif [[ -n $option ]]; then
      [[ $option == --root ]] && root=(--root "$word")
      option=
    elif [[ $word == -* ]]; then
      _tsrun_valued "$command" "$word" && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      ((place++))
    fi
  done
`

function forms(options: readonly OptionModel[]): string[] {
  return [...new Set(options.flatMap(option => option.forms.filter(form => form.startsWith('--'))))]
}

/** One word of bash that holds them all. */
function words(list: readonly string[]): string {
  return `'${list.join(' ')}'`
}

/** Patterns of command and option: those of commands first, since they may have the name of a global one. */
function cases({ globals, commands }: CompletionModel, body: (option: OptionModel) => string | undefined): string {
  const line = (patterns: readonly string[], option: OptionModel) => {
    const text = body(option)
    return text === undefined ? '' : `    ${patterns.join(' | ')}) ${text} ;;\n`
  }
  const own = commands.flatMap(({ name, options }) =>
    options.map(option => ({
      patterns: option.forms.map(form => `'${name} ${form}'`),
      option,
    })),
  )
  const shadowed = own.filter(({ option }) => option.values === undefined)
  return [
    ...shadowed
      .filter(({ option }) => option.forms.some(form => isGlobal(globals, form)))
      .map(({ patterns }) => `    ${patterns.join(' | ')}) return 1 ;;\n`),
    ...own.map(({ patterns, option }) => line(patterns, option)),
    ...globals.map(option =>
      line(
        option.forms.map(form => `*' ${form}'`),
        option,
      ),
    ),
  ].join('')
}

function isGlobal(globals: readonly OptionModel[], form: string): boolean {
  return globals.some(option => option.forms.includes(form))
}

function placeCases({ name, places, many }: CommandModel): string[] {
  return places.flatMap((values, place) => {
    const text = reply(values)
    const last = many && place === places.length - 1
    return text === ':' ? [] : [`    '${name} ${place}'${last ? ` | '${name} '*` : ''}) ${text} ;;\n`]
  })
}

function reply(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `_tsrun_words ${words(values.words)}`
    case 'file':
      return '_tsrun_files -f'
    case 'directory':
      return '_tsrun_files -d'
    case 'bundle':
      return '_tsrun_bundles'
    case 'container':
      return '_tsrun_containers'
    case 'nothing':
      return ':'
    default:
      return values satisfies never
  }
}
