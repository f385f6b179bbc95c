// The library as it was built, on the state root of the running test file.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll } from 'vitest'
import { repository } from './repository.ts'
import { makeRootfs } from './rootfs.ts'
import { sceneDirectory, stateRoot } from './scene.ts'

export type Library = typeof import('../../src/entry/library.ts')
export type CompleteConfig = ReturnType<Library['defaultConfig']>

export const libraryPath = join(repository, 'dist/library.js')

if (!existsSync(libraryPath)) throw new Error(`${libraryPath} is missing: npm run build`)
export const library = (await import(pathToFileURL(libraryPath).href)) as Library

/** One root file system for the containers of a file, which is all they need. */
export const rootfs = join(sceneDirectory, 'rootfs')
beforeAll(() => makeRootfs(rootfs))

/** A configuration in memory that runs `args`. */
export function configFor(...args: string[]): CompleteConfig {
  return library.defaultConfig(rootfs, args)
}

export function shell(script: string): CompleteConfig {
  return configFor('sh', '-c', script)
}

export const openLibrary = () => new library.Runtime({ root: stateRoot })

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    value => {
      throw new Error(`not rejected, but resolved to ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}
