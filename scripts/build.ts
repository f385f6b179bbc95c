/** Bundles the program into dist/tsrun, which starts without PATH, and the library into dist/library.js with its types. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type BuildOptions, build } from 'esbuild'

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: ['koffi'],
  define: { TSRUN_COMMIT: JSON.stringify(commit()) },
  legalComments: 'none',
  logLevel: 'warning',
}

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist', { recursive: true })
await build({
  ...common,
  entryPoints: { tsrun: 'src/entry/node.ts' },
  outdir: 'dist/lib',
  outExtension: { '.js': '.mjs' },
  splitting: true,
  minifySyntax: true,
})
await build({ ...common, entryPoints: { library: 'src/entry/library.ts' }, outdir: 'dist' })
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' })
// podman starts runtimes with an empty environment, so node is named by its absolute path.
writeFileSync(
  'dist/tsrun',
  `#!/bin/sh
# Node.js raises the soft limit of open files at its start; a container is to get the caller's.
self=$0
[ ! -L "$self" ] || self=$(readlink -f "$self")
TSRUN_NOFILE=$(ulimit -Sn) exec ${process.execPath} "\${self%/*}/lib/tsrun.mjs" "$@"
`,
)
chmodSync('dist/tsrun', 0o755)
