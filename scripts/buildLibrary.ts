import { join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { common } from './buildCommand.ts'

/** What the package's users have or have not: koffi always, tar-stream where image files are unpacked. */
const external = ['koffi', 'tar-stream']

/** Realms of node:vm lack these two, see src/library/symbols.ts. */
const symbols: BuildOptions = {
  define: { 'Symbol.dispose': 'disposeSymbol', 'Symbol.asyncDispose': 'asyncDisposeSymbol' },
  inject: ['src/library/symbols.ts'],
}

/** The program of a thread, which is text in the library; what it requires is looked for from where the library is. */
async function buildThread(): Promise<string> {
  const { outputFiles } = await build({
    ...common,
    external,
    entryPoints: ['src/entry/libraryThread.ts'],
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    supported: { 'dynamic-import': false },
    write: false,
    banner: { js: "require = require('node:module').createRequire(require('node:worker_threads').workerData);" },
  })
  return outputFiles[0]!.text
}

/** Builds the library into `directory`: library.js, and library.cjs for who requires it. */
export async function buildLibrary(directory: string): Promise<void> {
  const define = { ...common.define, ...symbols.define, TSRUN_THREAD: JSON.stringify(await buildThread()) }
  const options = { ...common, ...symbols, external, define, entryPoints: ['src/entry/library.ts'] }
  await build({ ...options, outfile: join(directory, 'library.js') })
  await build({
    ...options,
    format: 'cjs',
    define: { ...define, 'import.meta.url': 'undefined' },
    outfile: join(directory, 'library.cjs'),
  })
}
