/** Builds dist/static/tsrun: the program as QuickJS bytecode in one static executable. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { buildSync } from 'esbuild'
import { commit } from './commit.ts'

/** Where scripts/quickjs.sh found or built the engine: quickjs.h, libquickjs.a, qjsc. */
interface Engine {
  include: string
  library: string
  compiler: string
}

function findEngine(): Engine {
  const output = execFileSync('sh', ['scripts/quickjs.sh'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const [include, library, compiler] = output.trim().split('\n')
  return { include: include!, library: library!, compiler: compiler! }
}

/** Bundles `entry` into a directory: a module per command and shared ones. Returns their file names. */
function bundle(entry: string, outdir: string): string[] {
  buildSync({
    entryPoints: { [ENTRY]: entry },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    inject: ['native/quickjs/symbols.ts'],
    chunkNames: '[hash]',
    minify: true,
    keepNames: false,
    define: { TSRUN_COMMIT: JSON.stringify(commit()) },
    legalComments: 'none',
    logLevel: 'warning',
  })
  return readdirSync(outdir).filter(name => name.endsWith('.js'))
}

const ENTRY = 'tsrun'

/** C source of a table of the modules' bytecode. */
function compile({ compiler }: Engine, directory: string, names: readonly string[]): void {
  const others = names.filter(name => name !== `${ENTRY}.js`).flatMap(name => ['-D', name])
  const options = ['-c', '-m', '-p', 'module_', '-o', 'modules.c']
  execFileSync(compiler, [...options, ...others, `${ENTRY}.js`], { cwd: directory, stdio: 'inherit' })
  const identifier = (name: string) => `module_${name.replace(/\.js$/, '').replace(/[^A-Za-z0-9]/g, '_')}`
  const rows = names.map(name => `    { "${name}", ${identifier(name)}, ${identifier(name)}_size },`)
  const table = `const struct module modules[] = {\n${rows.join('\n')}\n    { 0 },\n};\n`
  writeFileSync(join(directory, 'table.c'), `#include "modules.h"\n#include "modules.c"\n${table}`)
}

function link({ include, library }: Engine, directory: string, output: string): void {
  const cc = process.env['CC'] ?? 'gcc'
  const sources = [resolve('native/quickjs/host.c'), join(directory, 'table.c')]
  const options = ['-O2', '-Wall', '-static', '-s', `-I${include}`, `-Inative/quickjs`]
  execFileSync(cc, [...options, '-o', output, ...sources, library, '-lm'], { stdio: 'inherit' })
}

const directory = mkdtempSync(join(tmpdir(), 'tsrun-static-'))
try {
  const engine = findEngine()
  const output = 'dist/static/tsrun'
  mkdirSync('dist/static', { recursive: true })
  compile(engine, directory, bundle('src/entry/quickjs.ts', directory))
  link(engine, directory, output)
  console.log(`${output}: ${statSync(output).size} bytes`)
} finally {
  rmSync(directory, { recursive: true })
}
