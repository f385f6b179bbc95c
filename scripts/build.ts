/** Builds the command as dist/tsrun, and the library as dist/library.js with its types. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { buildCommand } from './buildCommand.ts'
import { buildLibrary } from './buildLibrary.ts'

mkdirSync('dist', { recursive: true })
for (const name of readdirSync('dist')) if (name !== 'static') rmSync(`dist/${name}`, { recursive: true }) // that is made by build:static
await buildCommand('dist')
await buildLibrary('dist')
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' })
