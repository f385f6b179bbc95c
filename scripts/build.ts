/**
 * Builds dist: the command as dist/tsrun, which is the static binary where there can be one and otherwise starts dist/node/tsrun,
 * the command on Node.js; and the library as dist/library.js with its types.
 */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { buildCommand } from './buildCommand.ts'
import { buildLibrary, buildTypes } from './buildLibrary.ts'
import { buildBinary, NoEngine } from './buildStatic.ts'

/** What tells dist/node/tsrun why it is called: see src/entry/binary.ts. */
const REASON = 'dist/node/lib/no-binary'

/** What others build stays. */
function emptyDist(): void {
  mkdirSync('dist', { recursive: true })
  for (const name of readdirSync('dist'))
    if (name !== 'sanitized' && !name.startsWith('static-')) rmSync(`dist/${name}`, { recursive: true })
}

function buildBinaryIfPossible(): void {
  try {
    buildBinary()
  } catch (error) {
    if (!(error instanceof NoEngine)) throw error
    writeFileSync(REASON, `${error.message}\n`)
    copyFileSync('scripts/launcher.sh', 'dist/tsrun')
    chmodSync('dist/tsrun', 0o755)
    console.error(`build: dist/tsrun starts Node.js, since there can be no static binary: ${error.message}`)
  }
}

emptyDist()
await buildCommand('dist/node')
await buildLibrary('dist')
buildTypes('dist')
buildBinaryIfPossible()
