/**
 * Builds dist/tsrun: the program as QuickJS bytecode in one static executable. With `--arch arm64` on another machine it is
 * dist/static-arm64/tsrun, see scripts/cross.sh. With --sanitized it is
 * dist/sanitized/tsrun instead, where AddressSanitizer and UndefinedBehaviorSanitizer watch the engine and the C program,
 * and write what they find to files in dist/sanitized/findings.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'
import { type Architecture, architecture } from '../native/arch/architecture.ts'
import { commit } from './commit.ts'

/** What scripts/quickjs.sh found or built: the C compiler that goes with it, quickjs.h, libquickjs.a, qjsc. */
export interface Engine {
  readonly cc: string
  readonly include: string
  readonly library: string
  readonly qjsc: string
}

const ENTRY = 'tsrun'
const HOST = ['host', 'heap', 'fixed'].map(name => `native/quickjs/${name}.c`)

/** What the program is for, and what of this machine's tools builds that. */
interface Target {
  readonly architecture: Architecture | undefined
  /** The script that finds or makes the engine. */
  readonly engine: readonly string[]
  /** Before a command for that machine. */
  readonly emulator: readonly string[]
  readonly objcopy: string
}

const OWN: Target = { architecture, engine: ['scripts/quickjs.sh'], emulator: [], objcopy: 'objcopy' }

const ARM64: Target = {
  architecture: 'aarch64',
  engine: ['scripts/cross.sh', 'arm64'],
  emulator: ['qemu-aarch64'],
  objcopy: 'aarch64-linux-gnu-objcopy',
}

/** How the C program is compiled and linked. */
interface Flavour {
  readonly target: Target
  /** What the script of the engine is asked for. */
  readonly engine: readonly string[]
  readonly flags: readonly string[]
}

/** Sorted by alignment, .bss begins with the heap's huge page: no address space, and no pages, are lost before it. */
export const SHIPPED: Flavour = {
  target: OWN,
  engine: [],
  flags: ['-static', '-s', '-fdata-sections', '-Wl,--gc-sections', '-Wl,--sort-section=alignment'],
}

/** For arm64, on another machine. */
export const CROSS: Flavour = { ...SHIPPED, target: ARM64 }

/** The snapshot has addresses of the executable, so that may not move; those of libraries do not get into it. */
function sanitized(findings: string): Flavour {
  const options = `-DFINDINGS="${findings}"`
  return {
    target: OWN,
    engine: ['--sanitized'],
    flags: ['-g', '-fsanitize=address,undefined', '-fno-pie', '-no-pie', options],
  }
}

/** There is no QuickJS to build with; the message says why. */
export class NoEngine extends Error {}

/** Throws NoEngine. */
export function findEngine({ target, engine }: Flavour = SHIPPED): Engine {
  const command = [...target.engine, ...engine]
  const { status, signal, stdout } = spawnSync('sh', command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status === null) throw new Error(`${command[0]} was ended by ${signal}`)
  const lines = stdout.trim().split('\n')
  if (status !== 0) throw new NoEngine(lines.at(-1))
  const [cc, include, library, qjsc] = lines as [string, string, string, string]
  return { cc, include, library, qjsc }
}

/** Can a static executable be built here without fetching and compiling the engine first? */
export function engineIsAtHand({ target } = SHIPPED): boolean {
  if (process.platform !== 'linux') return false
  return spawnSync('sh', [...target.engine, '--check'], { stdio: 'ignore' }).status === 0
}

/** A module per command of `entry`, and what they share. */
export function bundleOptions(entry: string, outdir: string, { architecture }: Target = OWN): BuildOptions {
  return {
    entryPoints: { [ENTRY]: entry },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    inject: ['native/quickjs/symbols.ts'],
    chunkNames: '[hash]',
    preserveSymlinks: true, // where packages really lie is in the names of chunks
    minifyWhitespace: true,
    minifyIdentifiers: true, // not its syntax: what is shorter takes an interpreter more steps
    define: { TSRUN_COMMIT: JSON.stringify(commit()), TSRUN_ARCHITECTURE: JSON.stringify(architecture) },
    legalComments: 'none',
    logLevel: 'warning',
  }
}

/** Bundles `entry` into `outdir`. Returns the names of the files. */
function bundle(entry: string, outdir: string, target: Target, options: BuildOptions): string[] {
  buildSync({ ...bundleOptions(entry, outdir, target), ...options })
  return readdirSync(outdir)
    .filter(name => name.endsWith('.js'))
    .sort()
}

/** Compiles modules to bytecode in a file of C, where the array of `x.js` is `${prefix}x`. */
function compile({ qjsc }: Engine, directory: string, names: readonly string[], prefix: string, options: string[]) {
  const others = names.filter(name => name !== `${ENTRY}.js`).flatMap(name => ['-D', name])
  const output = ['-c', '-m', '-p', prefix, '-o', `${prefix}.c`]
  execFileSync(qjsc, [...options, ...output, ...others, `${ENTRY}.js`], { cwd: directory, stdio: 'inherit' })
}

/**
 * Writes the table of modules. They are stripped of what only stack traces need, but for those with `import()`: that finds
 * its module relative to the name of the file it stands in, which stripping takes away.
 */
function writeTable(directory: string, names: readonly string[]): void {
  const rows = names.map(name => {
    const imports = /\bimport\(/.test(readFileSync(join(directory, name), 'utf8'))
    const array = `${imports ? 'whole_' : 'stripped_'}${name.replace(/\.js$/, '')}`
    return `    { "${name}", ${array}, ${array}_size },`
  })
  const includes = ['modules.h', 'whole_.c', 'stripped_.c'].map(name => `#include "${name}"`)
  const table = ['const struct module modules[] = {', ...rows, '    { 0 },', '};', '']
  writeFileSync(join(directory, 'table.c'), [...includes, ...table].join('\n'))
}

function link({ cc, include, library }: Engine, { flags }: Flavour, directory: string, output: string): void {
  const options = ['-O2', '-Wall', '-Wl,--wrap=gettimeofday', ...flags]
  const includes = [`-I${include}`, '-Inative/quickjs', `-I${directory}`]
  const sources = [...HOST, join(directory, 'table.c'), library]
  execFileSync(cc, [...options, ...includes, '-o', output, ...sources, '-lm'], { stdio: 'inherit' })
}

/** Gives the executable a heap in which its modules are loaded and evaluated already: see native/quickjs/heap.c. */
function embedSnapshot({ emulator, objcopy }: Target, directory: string, bare: string, output: string): void {
  const parts = ['heap', 'small'].map(section => ({ section, file: join(directory, section) }))
  const [program, ...words] = [...emulator, bare, ...parts.map(({ file }) => file)]
  execFileSync(program!, words, { stdio: 'inherit' })
  const updates = parts.flatMap(({ section, file }) => ['--update-section', `.${section}=${file}`])
  execFileSync(objcopy, [...updates, bare, output], { stdio: 'inherit' })
}

/** Makes a static executable of the program that starts with `entry`. */
export function buildStatic(entry: string, output: string, options: BuildOptions = {}, flavour = SHIPPED): void {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-static-'))
  try {
    const engine = findEngine(flavour)
    const names = bundle(entry, directory, flavour.target, options)
    compile(engine, directory, names, 'whole_', [])
    compile(engine, directory, names, 'stripped_', ['-s'])
    writeTable(directory, names)
    mkdirSync(join(output, '..'), { recursive: true })
    link(engine, flavour, directory, join(directory, 'bare'))
    embedSnapshot(flavour.target, directory, join(directory, 'bare'), `${output}.new`)
    renameSync(`${output}.new`, output) // the old one may be running
    console.log(`${output}: ${statSync(output).size} bytes`)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Makes dist/tsrun. Throws NoEngine. */
export function buildBinary(): void {
  buildStatic('src/entry/quickjs.ts', 'dist/tsrun')
}

/** Makes dist/static-ARCH/tsrun, for another architecture than this machine's, and gives its path. Throws NoEngine. */
export function buildCross(arch: string): string {
  if (arch !== 'arm64') throw new NoEngine(`there is no build for \`${arch}\`; \`arm64\` is one`)
  const output = `dist/static-${arch}/tsrun`
  buildStatic('src/entry/quickjs.ts', output, {}, CROSS)
  return output
}

function buildSanitized(): void {
  const findings = resolve('dist/sanitized/findings')
  rmSync(findings, { recursive: true, force: true })
  mkdirSync(findings, { recursive: true })
  chmodSync(findings, 0o1777) // other users run it, too
  buildStatic('src/entry/quickjs.ts', 'dist/sanitized/tsrun', {}, sanitized(join(findings, 'finding')))
}

if (process.argv[1]?.endsWith('buildStatic.ts')) {
  const arch = process.argv.includes('--arch') ? process.argv[process.argv.indexOf('--arch') + 1] : undefined
  try {
    if (process.argv.includes('--sanitized')) buildSanitized()
    else if (arch !== undefined) buildCross(arch)
    else buildBinary()
  } catch (error) {
    if (!(error instanceof NoEngine)) throw error
    console.error(`build: there can be no static binary: ${error.message}`)
    process.exitCode = 1
  }
}
