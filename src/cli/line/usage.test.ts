import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { commands } from './commands.ts'
import { type CommandName, optionsOf } from './options.ts'
import { helpText } from './usage.ts'

test('helpText() lists every command with its summary', async () => {
  const help = await helpText(undefined)
  for (const [name, { summary }] of Object.entries(commands))
    expect(help).toMatch(new RegExp(`tsrun ${name} +${summary.slice(0, 20)}`))
})

test.each(Object.keys(commands) as CommandName[])('helpText() shows usage and options of %s', async command => {
  const help = await helpText(command)
  expect(help.split('\n')[0]).toBe(['Usage: tsrun', command, '[OPTIONS]', ...commands[command].positionals].join(' '))
  for (const { name } of optionsOf(command)) expect(help).toContain(`--${name} `)
})

test('helpText() shows letters, placeholders, choices and defaults', async () => {
  expect(await helpText('list')).toContain('  -f, --format  table|json: output format (default: table)\n')
  expect(await helpText('create')).toMatch(/ {2}-b, --bundle +DIR: the bundle/)
})

test('helpText() leaves out hidden options, and those of other places', async () => {
  expect(await helpText(undefined)).not.toContain('--criu')
  expect(await helpText('create')).not.toContain('--log-format')
})

test('helpText() keeps lines within 100 columns', async () => {
  for (const line of (await helpText(undefined)).split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

test('helpText() needs nothing but the language: no process, no console, no Intl', async () => {
  const source = "import { helpText } from './src/cli/line/usage.ts'; globalThis.help = helpText('kill')"
  const stdin = { contents: source, resolveDir: process.cwd() }
  const rooms = ['container', 'criu', 'diagnose', 'host', 'kernel', 'plan', 'setup', 'state', 'runtime.ts']
  const external = rooms.flatMap(room => [`../../${room}*`, `../../../${room}*`]) // what the verbs load, which the help does not
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    write: false,
    external,
    format: 'iife',
    logLevel: 'silent',
  })
  const context = createContext({})
  runInContext('delete globalThis.Intl; delete globalThis.console; delete globalThis.WebAssembly', context)
  runInContext(outputFiles[0]!.text, context)
  expect(await (context as { help: Promise<string> }).help).toBe(await helpText('kill'))
})
