import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { commit } from './commit.ts'

/** What the library is built with too. */
export const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['koffi'],
  define: { TSRUN_COMMIT: JSON.stringify(commit()), KOFFI_MAJOR: JSON.stringify(koffiMajor()) },
  legalComments: 'none',
  logLevel: 'warning',
}

function koffiMajor(): string {
  const { version } = JSON.parse(readFileSync('node_modules/koffi/package.json', 'utf8')) as { version: string }
  return version.split('.')[0]!
}

/** Of all kinds of bundles, one script, small and without `import`, is the fastest to load. */
const script: BuildOptions = {
  ...common,
  format: 'cjs',
  minify: true,
  supported: { 'dynamic-import': false },
  outExtension: { '.js': '.cjs' },
}

/** Leaves a module out of a bundle, which requires it from a file beside it when it is needed. */
function separate(path: string): Plugin {
  const name = basename(path, '.ts')
  return {
    name: 'separate',
    setup({ onResolve }) {
      onResolve({ filter: new RegExp(`/${name}\\.ts$`) }, ({ kind }) =>
        kind === 'entry-point' ? undefined : { path: `./${name}.cjs`, external: true },
      )
    },
  }
}

/** Builds the command into `directory`: `tsrun` and what it needs, in `lib`. See src/entry/compiled.ts. */
export async function buildCommand(directory: string): Promise<void> {
  const outdir = join(directory, 'lib')
  const rare = 'src/cli/line/yargs.ts'
  const starters = { tsrun: 'src/entry/start.ts', images: 'src/entry/images.ts', install: 'src/entry/install.ts' }
  await build({
    ...script,
    outdir,
    entryPoints: ['src/entry/program.ts'],
    plugins: [separate(rare)],
    outExtension: {},
    banner: { js: '(function(require,module){' },
    footer: { js: '})' },
  })
  await build({ ...script, outdir, entryPoints: [rare] })
  await build({ ...script, outdir, entryPoints: starters })
  execFileSync(process.execPath, [join(outdir, 'install.cjs')], { stdio: 'inherit' })
}
