import { isAbsolute } from '../paths.ts'

/** What stands for PATH when there is none. */
export const USUAL_DIRECTORIES = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The paths at which a program of the host is looked for: in the directories of PATH, or in the usual ones without it. Not in
 * relative ones, and an empty one is the current directory: that may be somebody else's.
 */
export function programPaths({ env }: { readonly env: (name: string) => string | undefined }, name: string): string[] {
  return (env('PATH') ?? USUAL_DIRECTORIES)
    .split(':')
    .filter(isAbsolute)
    .map(directory => `${directory}/${name}`)
}
