/** The machines that tsrun makes containers on, as uname(2) calls them. */
export type Architecture = 'x86_64' | 'aarch64'

/** Put in by the build of a static binary, which is for one of them. */
declare const TSRUN_ARCHITECTURE: Architecture | undefined

/** As Node.js calls them. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = { x64: 'x86_64', arm64: 'aarch64' }

const { process } = globalThis as { process?: { readonly arch?: string } }

/** What is said on a machine for which there is no executor. */
export const FOREIGN = `containers are made on x86-64 and arm64 only, and this machine is ${process?.arch}`

/** The machine that this program is for; undefined on one for which there is no executor. */
export const architecture: Architecture | undefined =
  typeof TSRUN_ARCHITECTURE === 'string' ? TSRUN_ARCHITECTURE : ARCHITECTURES[process?.arch ?? '']
