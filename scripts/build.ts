/** Builds the command as dist/tsrun, and the library as dist/library.js with its types. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'
import { buildCommand, common } from './buildCommand.ts'

mkdirSync('dist', { recursive: true })
for (const name of readdirSync('dist')) if (name !== 'static') rmSync(`dist/${name}`, { recursive: true }) // that is made by build:static
await buildCommand('dist')
const entryPoints = { library: 'src/entry/library.ts', thread: 'src/entry/libraryThread.ts' }
await build({ ...common, entryPoints, outdir: 'dist' })
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' })
