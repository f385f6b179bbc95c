// The library where others put it: in a realm of node:vm, in a bundle, and required by CommonJS, on every Node.js of TSRUN_NODES.

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { beforeAll, expect, test } from 'vitest'
import { rootfs } from '../../lib/library.ts'
import { repository } from '../../lib/repository.ts'
import { launch } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { sceneDirectory, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const it = test.skipIf(!isTsrun)
const tool = (name: string) => join(repository, 'node_modules/.bin', name)
const project = join(sceneDirectory, 'project')
const modules = join(project, 'node_modules')
/** Where bundles are: there is koffi there, and no tsrun. */
const elsewhere = join(sceneDirectory, 'elsewhere')
/** Others can be had with scripts/get-nodes.sh. */
const nodes = [process.execPath, ...(process.env['TSRUN_NODES'] ?? '').split(':').filter(Boolean)]

// As npm installs it: a package of its own, and what it depends on beside it.
beforeAll(() => {
  mkdirSync(join(modules, 'tsrun'), { recursive: true })
  for (const name of ['package.json', 'dist/library.js', 'dist/library.cjs', 'dist/library.d.cts', 'dist/types'])
    cpSync(join(repository, name), join(modules, 'tsrun', name), { recursive: true })
  mkdirSync(join(elsewhere, 'node_modules'), { recursive: true })
  symlinkSync(join(repository, 'node_modules/koffi'), join(elsewhere, 'node_modules/koffi'))
  for (const name of ['koffi', 'vitest']) symlinkSync(join(repository, 'node_modules', name), join(modules, name))
})

const SETTINGS = `const root = ${JSON.stringify(stateRoot)}, rootfs = ${JSON.stringify(rootfs)}`

const IN_A_TEST = `
import { ConfigError, defaultConfig, Runtime } from 'tsrun'
import { expect, test } from 'vitest'
${SETTINGS}
test('a container is gone at the end of its block', async () => {
  const runtime = new Runtime({ root })
  {
    await using container = await runtime.create({ config: defaultConfig(rootfs, ['sleep', '60']), stdin: 'ignore' })
    await container.start()
    const program = await container.exec(['echo', 'hi'])
    expect(await program.output()).toEqual({ code: 0, signal: null, oom: false, stdout: 'hi\\n', stderr: '' })
    await expect(container.wait({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' })
    for await (const event of container.events({ interval: 20, signal: AbortSignal.timeout(5000) })) {
      expect(event.type).toBe('stats')
      break
    }
  }
  expect(await runtime.list()).toEqual([])
  expect(await runtime.run({ config: defaultConfig(rootfs, ['true']) })).toMatchObject({ code: 0 })
  const error = await runtime.run({ bundle: '/nowhere' }).catch(error => error)
  expect(error).toBeInstanceOf(ConfigError)
  expect(error).toBeInstanceOf(Error)
})
`

for (const pool of ['vmThreads', 'vmForks', 'threads'])
  it(`tests of vitest with the pool ${pool}`, async () => {
    writeFileSync(join(project, 'realm.test.ts'), IN_A_TEST)
    for (const inline of [false, true]) {
      const server = inline ? '{ deps: { inline: ["tsrun"] } }' : '{}'
      writeFileSync(
        join(project, 'vitest.config.mjs'),
        `export default { test: { pool: '${pool}', testTimeout: 60000, server: ${server} } }`,
      )
      const { status, stdout, stderr } = await launch([tool('vitest'), 'run', '--root', project]).done
      expect(`${stdout}${stderr}`).toMatch(/Tests .*1 passed/)
      expect({ inline, status }).toEqual({ inline, status: 0 })
    }
  })

const PROGRAM = `
${SETTINGS}
async function main() {
  const runtime = new Runtime({ root })
  const { stdout } = await runtime.run({ config: defaultConfig(rootfs, ['echo', 'hello']) })
  const error = await runtime.run({ bundle: '/nowhere' }).catch(error => error)
  console.log(stdout.trim(), error instanceof ConfigError, error.name, error.code, process.version.split('.')[0])
}
main()
`
const REQUIRED = `const { ConfigError, defaultConfig, Runtime } = require('tsrun')${PROGRAM}`
const IMPORTED = `import { ConfigError, defaultConfig, Runtime } from 'tsrun'${PROGRAM}`
const SAID = /^hello true ConfigError ERR_TSRUN_CONFIG v\d+\n$/

for (const format of ['esm', 'cjs'] as const)
  for (const [language, source] of Object.entries({ imported: IMPORTED, required: REQUIRED }))
    test.skipIf(!isTsrun || (format === 'esm' && language === 'required'))(
      `${language} into a bundle of format ${format}`,
      async () => {
        const entry = join(project, `${language}.${language === 'required' ? 'cjs' : 'mjs'}`)
        writeFileSync(entry, source)
        const outfile = join(elsewhere, `${language}.${format === 'esm' ? 'mjs' : 'cjs'}`)
        const options = { bundle: true, minify: true, platform: 'node', target: 'node20', logLevel: 'error' } as const
        await build({ ...options, entryPoints: [entry], format, outfile, external: ['koffi', 'tar-stream'] })
        for (const node of nodes) {
          const { status, stdout, stderr } = await launch([node, outfile]).done
          expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
          expect(stdout).toMatch(SAID)
        }
      },
    )

it('import and require, with and without require() of modules', async () => {
  writeFileSync(join(project, 'imported.mjs'), IMPORTED)
  writeFileSync(join(project, 'required.cjs'), REQUIRED)
  const both = `const { Failure } = require('tsrun'); import('tsrun').then(tsrun => console.log(tsrun.Failure === Failure))`
  writeFileSync(join(project, 'both.cjs'), both)
  for (const node of nodes) {
    for (const words of [['imported.mjs'], ['required.cjs'], ['--no-experimental-require-module', 'required.cjs']]) {
      const [last = '', ...options] = words.toReversed()
      const { status, stdout, stderr } = await launch([node, ...options, join(project, last)]).done
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: '' })
      expect(stdout).toMatch(SAID)
    }
    expect((await launch([node, join(project, 'both.cjs')]).done).stdout).toBe('true\n')
  }
})

const TYPED = (imported: string) => `${imported}
import { type ExitResult, type RunOptions, StateError } from 'tsrun'
class OwnError extends tsrun.Failure {}
export async function run(options: RunOptions): Promise<ExitResult | StateError | OwnError> {
  const { code, ...result } = await new tsrun.Runtime().run({ bundle: '.', ...options })
  const wrong: string = code // the one mistake: it has to be found
  return { code, ...result }
}
`

it('types: of modules, and of CommonJS, whose values can be had without require() of modules, too', async () => {
  symlinkSync(join(repository, 'node_modules/@types'), join(modules, '@types'))
  writeFileSync(join(project, 'typed.mts'), TYPED("import * as tsrun from 'tsrun'"))
  writeFileSync(join(project, 'typed.cts'), TYPED("import tsrun = require('tsrun')"))
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--types',
    'node',
    '--module',
    'node16',
  ]
  const { stdout } = await launch([tool('tsc'), ...options, join(project, 'typed.mts'), join(project, 'typed.cts')])
    .done
  const mistake = expect.stringMatching(/TS2322: .* to type 'string'/)
  expect(stdout.match(/error TS\d+.*/g)).toEqual([mistake, mistake])
})
