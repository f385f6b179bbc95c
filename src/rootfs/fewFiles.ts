// Where the limit of open files leaves no room for the sources of all binds, each is opened when it is its turn, by the first
// process, and closed when it is in its place.

import { dirname, isWithin } from '../paths.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindStep, MountStep } from '../plan/mounts/mounts.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import { isPlain } from './manySources.ts'

/** A new file system, its mount, and the directory that it covers; a device has less. */
const FILES_PER_OTHER = 3
/** Where mounts are looked for once more when all is done; see checkPlaces() of the root. */
const LOOKED_FOR = ['/proc', '/sys']

/** How many files mounting needs open at once when all sources are open before. */
export function filesForMounts({ mounts, devices }: ContainerPlan): number {
  const binds = mounts.filter(({ op }) => op === 'bind').length
  const parents = new Set(mounts.map(({ destination }) => dirname(destination)))
  return binds + FILES_PER_OTHER * (mounts.length - binds + devices.length) + parents.size
}

/**
 * Binds whose sources the first process finds as well as the host does: it has the host's rights, its mounts are slaves of
 * the host's, and the container's root, which lies in its place by then, is not part of them.
 */
export function sourcesInTurn({ mounts, namespaces, rootfs, rootfsPropagation = 'slave' }: ContainerPlan): BindStep[] {
  const isAsHost = namespaces.create.has('mount') && !isOwn(namespaces, 'user') && rootfsPropagation.endsWith('slave')
  if (!isAsHost) return []
  return mounts.filter(step => step.op === 'bind').filter(step => isPlain(step) && !isWithin(rootfs, step.source))
}

/** Is nothing looked for, at the place of a mount or below it, once that is mounted? */
export function lastAtTheirPlaces({ mounts, devices, maskedPaths, readonlyPaths }: ContainerPlan) {
  const above = new Set<string>(LOOKED_FOR)
  const add = (path: string) => {
    for (let at = dirname(path); at !== '/' && !above.has(at); at = dirname(at)) above.add(at)
  }
  const destinations = new Set<string>()
  for (const { destination } of mounts) {
    if (destinations.has(destination)) above.add(destination)
    destinations.add(destination)
    add(destination)
  }
  for (const path of [...devices.map(({ path }) => path), ...maskedPaths, ...readonlyPaths]) {
    above.add(path)
    add(path)
  }
  return ({ destination }: Pick<MountStep, 'destination'>): boolean => !above.has(destination)
}
