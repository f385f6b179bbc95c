import { execFileSync } from 'node:child_process'

/** The commit that is built: TSRUN_COMMIT for who builds from an archive, else that of the repository, else `unknown`. */
export function commit(): string {
  const told = process.env['TSRUN_COMMIT']
  if (told !== undefined) return told
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
