import { cliui } from '../../../node_modules/cliui/build/lib/index.js'
import { YargsFactory } from '../../../node_modules/yargs/build/lib/yargs-factory.js'
import parser from 'yargs-parser/browser'

/**
 * yargs without Node.js. The package has an entry for browsers, but that one fetches two of its parts from the web; these
 * are the same parts, taken from where they are installed, and a platform that knows nothing: no files, no environment,
 * no terminal, English only. (The package's own entry imports seven modules of Node.js, and needs Intl.)
 */
export const createYargs = YargsFactory({
  assert: { notStrictEqual() {}, strictEqual() {} },
  cliui: (options: { width: number; wrap?: boolean }) =>
    cliui(options, { stringWidth, stripAnsi: same, wrap: wrapWords }),
  findUp: nothing,
  getCallerFile: nothing,
  getEnv: nothing,
  getProcessArgvBin: nothing,
  inspect: String,
  mainFilename: '',
  Parser: parser,
  path: { basename: same, dirname: same, extname: same, relative: same, join: same, resolve: same },
  process: {
    argv: () => [],
    cwd: () => '',
    emitWarning() {},
    execPath: () => '',
    exit() {},
    nextTick() {},
    stdColumns: 80,
  },
  readFileSync: () => '',
  readdirSync: () => [],
  require: nothing,
  stringWidth,
  y18n: { __: insert, __n: plural, getLocale: () => 'en', setLocale() {}, updateLocale() {} },
})

function nothing(): undefined {}

function same(text: string): string {
  return text
}

function stringWidth(text: string): number {
  return text.length
}

/** Breaks lines between words, so that none is longer than `width` unless one word is. */
function wrapWords(text: string, width: number): string {
  const wrapLine = (line: string) => {
    let length = 0
    let wrapped = ''
    for (const word of line.split(' ')) {
      const fits = wrapped === '' || length + 1 + word.length <= width
      wrapped += wrapped === '' ? word : fits ? ` ${word}` : `\n${word}`
      length = fits && wrapped !== word ? length + 1 + word.length : word.length
    }
    return wrapped
  }
  return text.split('\n').map(wrapLine).join('\n')
}

/** `%s` in the messages of yargs. */
function insert(text: string, ...values: string[]): string {
  return text.replace(/%s/g, () => values.shift() ?? '')
}

function plural(one: string, many: string, count: number, ...values: string[]): string {
  return insert(count === 1 ? one : many, ...values)
}
