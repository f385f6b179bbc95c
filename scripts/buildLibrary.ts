import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
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

/** The types of library.js, of the modules as they are. */
const TYPES = './types/src/entry/library.d.ts'

/**
 * Types for who requires the library: those of the modules, said again as ones of CommonJS, since TypeScript refuses to
 * require a module for its values. `library` is what is exported: classes, each a type, too, and functions.
 */
export function commonjsTypes(library: Record<string, unknown>): string {
  const names = Object.keys(library)
  const isClass = (name: string) => /^class\b/.test(String(library[name]))
  const lines = names.map(name =>
    [
      `export declare const ${name}: typeof types.${name}`,
      ...(isClass(name) ? [`export type ${name} = types.${name}`] : []),
    ].join('\n'),
  )
  const from = `from '${TYPES}' with { 'resolution-mode': 'import' }`
  return `${[`import type * as types ${from}`, `export type * ${from}`, ...lines].join('\n')}\n`
}

/** Builds the types of the library in `directory`, which is tsconfig.types.json's: types/, and library.d.cts. */
export function buildTypes(directory: string): void {
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' })
  const library = createRequire(import.meta.url)(resolve(directory, 'library.cjs')) as Record<string, unknown>
  writeFileSync(join(directory, 'library.d.cts'), commonjsTypes(library))
}
