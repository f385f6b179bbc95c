// The static binary as others than itself see it.
import { copyFileSync, existsSync, linkSync, readFileSync, realpathSync, renameSync } from 'node:fs'

/** Why dist/tsrun starts Node.js, as the build has written it; undefined where it is the static binary. */
export function whyNoBinary(): string | undefined {
  try {
    return readFileSync(`${__dirname}/no-binary`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** As seen from dist/node/lib: where npm puts the package of the binary, beside ours or below it. */
const PACKAGES = ['../../../..', '../../../node_modules/@tsrun']

/** Puts the binary of the package for this architecture in the place of scripts/launcher.sh, which would start it. */
export function useBinary(lib = __dirname): void {
  const command = `${lib}/../../tsrun`
  if (!existsSync(command) || readFileSync(command).toString('latin1', 0, 2) !== '#!') return
  const paths = PACKAGES.map(place => `${lib}/${place}/linux-${process.arch}/tsrun`)
  const binary = paths.find(path => realpathIfAny(path)?.includes('/@tsrun/linux-'))
  if (binary === undefined) return
  try {
    linkSync(binary, `${command}.new`)
  } catch {
    copyFileSync(binary, `${command}.new`) // on another file system
  }
  renameSync(`${command}.new`, command)
}

function realpathIfAny(path: string): string | undefined {
  return existsSync(path) ? realpathSync(path) : undefined
}
