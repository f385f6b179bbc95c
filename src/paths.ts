/** Does `path` start at the root? */
export function isAbsolute(path: string): boolean {
  return path.startsWith('/')
}

/**
 * The names of a path below a root, in order. `.` and empty names vanish and `..` steps back, never above the root:
 * `/a/./b/../c` is `['a', 'c']`. Lexical, so right only where no symbolic link is on the way.
 */
export function components(path: string): string[] {
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}

/**
 * The shortest path with the same meaning, without a look at the file system: `/a//b/../c/` is `/a/c`, `a/..` is `.`.
 * Leading `..` stay in a relative path and vanish in an absolute one.
 */
export function clean(path: string): string {
  if (isShort(path)) return path
  if (isAbsolute(path)) return `/${components(path).join('/')}`
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..' && names.length > 0 && names.at(-1) !== '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names.length === 0 ? '.' : names.join('/')
}

/** Nearly all paths are as short as they can be. What says no may be, too. */
function isShort(path: string): boolean {
  return isAbsolute(path) && !path.endsWith('/') && !path.includes('//') && !path.includes('/.')
}

/** The parts with `/` between them, cleaned. An absolute part does not start anew: `join('/a', '/b')` is `/a/b`. */
export function join(...parts: string[]): string {
  return clean(parts.filter(part => part !== '').join('/'))
}

/** `path` itself when absolute, else seen from `base`; cleaned. */
export function resolve(base: string, path: string): string {
  return isAbsolute(path) ? clean(path) : join(base, path)
}

/** The last name of a path: `b` of `/a/b`, `/` of `/`. */
export function basename(path: string): string {
  const cleaned = clean(path)
  return cleaned === '/' ? '/' : cleaned.slice(cleaned.lastIndexOf('/') + 1)
}

/** The path without its last name: `/a` of `/a/b`, `/` of `/a` and of `/`, `.` of `a`. */
export function dirname(path: string): string {
  const cleaned = clean(path)
  const slash = cleaned.lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : cleaned.slice(0, slash)
}

/** Is `path` the directory `dir` or something below it? Both absolute and clean. */
export function isWithin(path: string, dir: string): boolean {
  return path.startsWith(dir) && (path.length === dir.length || dir === '/' || path[dir.length] === '/')
}
