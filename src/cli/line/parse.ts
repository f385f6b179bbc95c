import { nearest } from '../../config/nearest.ts'
import { UsageError } from '../../errors.ts'
import { type Command, commands, isCommand } from './commands.ts'
import { type CommandName, commandsWith, type Option, type OptionsOf, optionsOf } from './options.ts'

/** What an option can be worth. */
export type OptionValue = string | number | boolean | readonly string[] | undefined
type OptionValues = Record<string, OptionValue>

/** A command line that makes sense. */
export interface Parsed {
  /** Undefined when the line holds no command: fine with --help and --version only. */
  readonly command: CommandName | undefined
  readonly globals: OptionsOf<'*'>
  /** By name, defaults filled in; `OptionsOf` tells what is in there for a command. */
  readonly options: Readonly<OptionValues>
  readonly positionals: readonly string[]
}

/** A command line that does not, with the global options that were read before the mistake. */
export interface Misuse {
  readonly misuse: UsageError
  readonly globals: OptionsOf<'*'>
}

/** What a yes or no may be written as: the words of Go's strconv.ParseBool. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...{ true: true, True: true, TRUE: true, t: true, T: true, 1: true },
  ...{ false: false, False: false, FALSE: false, f: false, F: false, 0: false },
}

/** Options that are allowed at some place of the line, and where their values go. */
interface Scope {
  readonly options: readonly Option[]
  readonly values: OptionValues
}

function scope(command: CommandName | '*'): Scope {
  const options = optionsOf(command)
  const values: OptionValues = {}
  for (const { name, type, default: preset } of options)
    values[name] = type === 'boolean' ? false : type === 'count' ? 0 : type === 'array' ? [] : preset
  return { options, values }
}

function find(scopes: readonly Scope[], matches: (option: Option) => boolean): [Option, OptionValues] | undefined {
  for (const { options, values } of scopes) {
    const option = options.find(matches)
    if (option !== undefined) return [option, values]
  }
  return undefined
}

/** Walks over the words of a command line. */
class LineReader {
  readonly #words: readonly string[]
  #at = 0
  /** The command so far, for messages. */
  command: CommandName | undefined

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** Takes options up to the first other word, which it returns. */
  untilWord(scopes: readonly Scope[]): string | undefined {
    return this.#read(scopes, true)[0] ?? this.#words[this.#at++]
  }

  /** Takes all the rest and returns the words that are no options; `halt`: the first of them ends the options. */
  rest(scopes: readonly Scope[], halt: boolean): string[] {
    return [...this.#read(scopes, halt), ...this.#words.slice(this.#at)]
  }

  #read(scopes: readonly Scope[], halt: boolean): string[] {
    const others: string[] = []
    while (this.#at < this.#words.length) {
      const word = this.#words[this.#at++]!
      if (word === '--') break
      if (word.startsWith('-') && word !== '-') this.#option(scopes, word)
      else others.push(word)
      if (halt && others.length > 0) break
    }
    return others
  }

  #option(scopes: readonly Scope[], word: string): void {
    const equals = word.indexOf('=')
    const end = equals < 0 ? word.length : equals
    const value = equals < 0 ? undefined : word.slice(equals + 1)
    const name = word.slice(word.startsWith('--') ? 2 : 1, end)
    // One dash before a long name is what Go programs allow, and some callers write.
    const found = name.length > 1 ? find(scopes, option => option.name === name) : undefined
    if (found !== undefined) this.#set(found, `--${name}`, value)
    else if (word.startsWith('--')) throw this.unknown(scopes, name)
    else this.#letters(scopes, word)
  }

  /** `-qf json`, `-d=false`, `-b/bundle`: a letter that wants a value takes what is left of the word, else the next. */
  #letters(scopes: readonly Scope[], word: string): void {
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!
      const found = find(scopes, option => option.short?.includes(letter) === true)
      if (found === undefined)
        throw this.#wrong(`unknown option \`-${letter}\`${word.length > 2 ? ` in \`${word}\`` : ''}`)
      const left = word.slice(i + 1)
      const takesValue = found[0].type !== 'boolean' && found[0].type !== 'count'
      const attached = left.startsWith('=') ? left.slice(1) : takesValue && left !== '' ? left : undefined
      this.#set(found, `-${letter}`, attached)
      if (attached !== undefined) return
    }
  }

  #set([option, values]: [Option, OptionValues], shown: string, attached: string | undefined): void {
    const { name, type } = option
    if (type === 'boolean') values[name] = this.#boolean(shown, attached)
    else if (type === 'count') values[name] = (values[name] as number) + 1
    else {
      const text = attached ?? this.#words[this.#at++]
      if (text === undefined) throw this.#wrong(`option \`${shown}\` needs a value`)
      const value = this.#value(option, shown, text)
      values[name] = type === 'array' ? [...(values[name] as string[]), text] : value
    }
  }

  #boolean(shown: string, text: string | undefined): boolean {
    const value = text === undefined ? true : Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined
    if (value !== undefined) return value
    throw this.#wrong(`option \`${shown}\` is either \`true\` or \`false\`, not \`${text}\``)
  }

  /** Of those that are one of some words, an empty one is as if there were no option (runc). */
  #value({ type, choices, default: preset }: Option, shown: string, text: string): string | number {
    if (choices !== undefined && text === '' && preset !== undefined) return preset as string
    if (choices !== undefined && !choices.includes(text)) {
      const words = choices.map(choice => `\`${choice}\``).join(', ')
      throw this.#wrong(`option \`${shown}\` is one of ${words}, not \`${text}\``)
    }
    if (type !== 'number') return text
    if (!/^-?\d{1,15}$/.test(text)) throw this.#wrong(`option \`${shown}\` takes a number, not \`${text}\``)
    return Number(text)
  }

  /** Are there as many words as the command wants? */
  count(words: readonly string[], { positionals }: Command): void {
    const missing = positionals[words.length]
    if (missing !== undefined && !missing.startsWith('[')) throw this.#wrong(`argument ${missing} is missing`)
    const extra = words[positionals.length]
    if (extra !== undefined && !takesMany(positionals)) throw this.#wrong(`unexpected argument \`${extra}\``)
    positionals.forEach((positional, i) => {
      const keywords = keywordsOf(positional)
      const word = words[i]!
      if (keywords.length === 0 || keywords.includes(word)) return
      const wanted = keywords.map(keyword => `\`${keyword}\``).join(', ')
      throw this.#wrong(`\`${word}\` is not ${keywords.length === 1 ? wanted : `one of ${wanted}`}`)
    })
  }

  unknown(scopes: readonly Scope[], name: string): UsageError {
    const shown = scopes.flatMap(({ options }) => options.filter(option => option.hidden !== true))
    const meant = nearest(
      name,
      shown.map(option => option.name),
    )
    const elsewhere = commandsWith(name)
    const advice =
      elsewhere.length > 0 ? `it belongs to ${elsewhere.map(c => `\`${c}\``).join(', ')}` : guess(meant, '--')
    return this.#wrong(`unknown option \`--${name}\``, advice)
  }

  /** Who asks for its help is told in the words of runc. */
  unknownCommand(word: string): UsageError {
    const isForHelp = this.#words.slice(this.#at).some(later => HELP.includes(later))
    const what = isForHelp ? noHelpTopic(word) : `unknown command \`${word}\``
    return this.#wrong(what, guess(nearest(word, Object.keys(commands)), ''))
  }

  noCommand(): UsageError {
    return this.#wrong('no command given')
  }

  #wrong(what: string, advice = ''): UsageError {
    const command = this.command === undefined ? '' : `${this.command}: `
    const help = this.command === undefined ? 'tsrun --help' : `tsrun ${this.command} --help`
    return new UsageError(`${command}${what}${advice === '' ? '' : `, ${advice}`} (see \`${help}\`)`)
  }
}

const HELP = ['-h', '-?', '--help', '--usage']

export function noHelpTopic(word: string): string {
  return `No help topic for '${word}'`
}

function guess(meant: string | undefined, dashes: string): string {
  return meant === undefined ? '' : `did you mean \`${dashes}${meant}\`?`
}

/** The words that can stand for a positional in lower case: `add|remove`. None for the others. */
export function keywordsOf(positional: string): string[] {
  return /^[a-z]/.test(positional) ? positional.split('|') : []
}

/** May there be any number of words at the end? */
function takesMany(positionals: readonly string[]): boolean {
  return takesRest(positionals) || positionals.at(-1)?.endsWith('...') === true
}

/** Does the last positional take the rest of the line? Then the options end at the first other word, as in env(1). */
export function takesRest(positionals: readonly string[]): boolean {
  return positionals.at(-1)?.endsWith('...]') === true
}

/**
 * Reads a command line (without the program's name) by the tables of options and commands. Options of a command may
 * stand before and after its arguments; global ones everywhere, unless the command has one of the same name.
 */
export function parse(argv: readonly string[]): Parsed | Misuse {
  const reader = new LineReader(argv)
  const global = scope('*')
  const globals = global.values as OptionsOf<'*'>
  const informs = () => globals.help || globals.usage || globals.version
  try {
    const word = reader.untilWord([global])
    if (word === undefined && !informs()) throw reader.noCommand()
    if (word === undefined) return { command: undefined, globals, options: {}, positionals: [] }
    if (!isCommand(word)) throw reader.unknownCommand(word)
    reader.command = word
    const own = scope(word)
    const positionals = reader.rest([own, global], takesRest(commands[word].positionals))
    if (!informs()) reader.count(positionals, commands[word])
    return { command: word, globals, options: own.values, positionals }
  } catch (error) {
    if (error instanceof UsageError) return { misuse: error, globals }
    throw error
  }
}
