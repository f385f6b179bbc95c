// The files of an installed tsrun, which the .deb and the tarball share.

import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bashScript } from '../../src/cli/line/completion/bash.ts'
import { fishScript } from '../../src/cli/line/completion/fish.ts'
import { completionModel } from '../../src/cli/line/completion/model.ts'
import { zshScript } from '../../src/cli/line/completion/zsh.ts'
import { manualPages } from '../manual/roff.ts'
import { type Architecture, binaryOf, releaseDate, releaseTime, version } from './facts.ts'

export interface File {
  readonly path: string
  readonly content: string | Buffer
  readonly mode?: number
}

/** What podman reads besides containers.conf: its engine may be told `--runtime tsrun` then. */
export const CONTAINERS_CONF = `# podman --runtime tsrun; for good: runtime = "tsrun" in the table [engine] of another file here, or of containers.conf.
[engine]
runtime_supports_json = ["crun", "runc", "kata", "runsc", "youki", "krun", "tsrun"]
runtime_supports_nocgroup = ["crun", "krun", "tsrun"]

[engine.runtimes]
tsrun = ["/usr/bin/tsrun", "/usr/local/bin/tsrun"]
`

/** Below a prefix: /usr, /usr/local. */
export function programFiles(architecture: Architecture): File[] {
  const model = completionModel()
  return [
    { path: 'bin/tsrun', content: readFileSync(binaryOf(architecture)), mode: 0o755 },
    ...manualPages(version, releaseDate()).map(({ name, text }) => ({
      path: `share/man/man1/${name}.1.gz`,
      content: gzipSync(text, { level: 9 }),
    })),
    { path: 'share/bash-completion/completions/tsrun', content: bashScript(model) },
    { path: 'share/zsh/vendor-completions/_tsrun', content: zshScript(model) },
    { path: 'share/fish/vendor_completions.d/tsrun.fish', content: fishScript(model) },
  ]
}

/** Writes files below `root`, readable for everybody, dated as the release. */
export function writeFiles(root: string, files: readonly File[]): void {
  for (const { path, content, mode = 0o644 } of files) {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 })
    writeFileSync(target, content)
    chmodSync(target, mode)
    utimesSync(target, releaseTime(), releaseTime())
  }
}
