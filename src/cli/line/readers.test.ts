import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commands } from './commands.ts'
import { type CommandName, type Option, optionsOf } from './options.ts'
import { keywordsOf, type OptionValue, parse } from './parse.ts'
import { yargsFor } from './usage.ts'

/** Among the values that yargs found, those of a command; what it leaves undefined is the type's own default. */
function valuesOf(command: CommandName | '*', found: Record<string, unknown>): Record<string, OptionValue> {
  const value = ({ name, type }: Option): OptionValue => {
    const got = found[name] as OptionValue
    if (type === 'array') return got ?? []
    const last = Array.isArray(got) ? got.at(-1) : got
    return last ?? (type === 'boolean' ? false : type === 'count' ? 0 : undefined)
  }
  return Object.fromEntries(optionsOf(command).map(option => [option.name, value(option)]))
}

/** The other reader: the same two steps, made by yargs. */
function readWithYargs(argv: readonly string[]) {
  const first = yargsFor('*', argv).parseSync()
  const [command, ...rest] = first._.map(String) as [CommandName, ...string[]]
  const second = yargsFor(command, rest).parseSync()
  return {
    command,
    globals: { ...valuesOf('*', first), ...givenLate(command, second) },
    options: valuesOf(command, second),
    positionals: second._.map(String),
  }
}

/** The global options that stand after the command: those that differ from what a line without options gives. */
function givenLate(command: CommandName, found: Record<string, unknown>) {
  const own = optionsOf(command).map(option => option.name)
  const defaults = valuesOf('*', yargsFor('*').parseSync())
  const late = Object.entries(valuesOf('*', found)).filter(([name, value]) => value !== defaults[name])
  return Object.fromEntries(late.filter(([name]) => !own.includes(name)))
}

const LINES = [
  'create c1',
  'create -b /bundle --pid-file /pid c1',
  'create --bundle=/bundle --pid-file=/pid c1',
  'create c1 --bundle /bundle --no-pivot',
  'create -b/bundle c1',
  'create -b=/bundle c1',
  'create --no-new-keyring --no-pivot --preserve-fds 3 c1',
  'create --bundle /first --bundle /last c1',
  'create --pid-file= c1',
  '--root /r --log /l --log-format json create --bundle /b c1',
  '--root=/r --log=/l --log-format=json --systemd-cgroup start c1',
  '--debug --cgroup-manager disabled run -d --keep c1',
  'run --no-subreaper -f /config.json c1',
  'run --detach=false c1',
  'run -d=false --keep=true c1',
  'run c1 --root /late --debug',
  'state c1',
  'kill c1 9',
  'kill --all c1 KILL',
  'kill -ar ^c SIGTERM',
  'delete --force c1',
  'delete -fr ^c',
  'delete -- -odd',
  'list -qf json',
  'list -f=json',
  '--rootless true spec --rootless',
  '--rootless=false spec -b /x -f y.json --host-rootfs',
  'features',
  'help create',
  'create --help',
  'kill -?',
]

test.each(LINES)('both readers agree on `%s`', line => {
  const argv = line.split(' ')
  expect(parse(argv)).toEqual(readWithYargs(argv))
})

/** One option as words, long or short, in one word or two. */
function given({ name, short, type, choices }: Option): fc.Arbitrary<string[]> {
  const forms = [`--${name}`, ...(short ?? '').split('').map(letter => `-${letter}`)]
  const form = fc.constantFrom(...forms)
  if (type === 'boolean') return fc.tuple(form, fc.constantFrom('', '=true', '=false')).map(([f, v]) => [f + v])
  const texts = choices ?? (type === 'number' ? ['0', '7', '31'] : ['/a/b', 'x', 'with space', 'a=b', 'ünï'])
  const value = fc.constantFrom(...texts)
  return fc.tuple(form, value, fc.boolean()).map(([f, v, one]) => (one ? [`${f}=${v}`] : [f, v]))
}

function words(command: CommandName | '*'): fc.Arbitrary<string[]> {
  const options = optionsOf(command).filter(({ name }) => !['help', 'usage', 'version'].includes(name))
  if (options.length === 0) return fc.constant([])
  const some = fc.array(fc.constantFrom(...options).chain(given), { maxLength: 5 })
  return some.map(list => list.flat())
}

const line = fc.constantFrom(...(Object.keys(commands) as CommandName[])).chain(command => {
  const positionals = commands[command].positionals.map((positional, i) => keywordsOf(positional)[0] ?? `word${i}`)
  return fc
    .tuple(words('*'), words(command), words(command))
    .map(([global, before, after]) => [...global, command, ...before, ...positionals, ...after])
})

test('both readers agree on every line made of options in the table', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(line, argv => {
      expect(parse(argv)).toEqual(readWithYargs(argv))
    }),
    { numRuns: 300 },
  )
})
