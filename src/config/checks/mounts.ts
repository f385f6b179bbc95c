// Checks of mounts and hooks (config.md, Mounts and POSIX-platform Hooks).

import type { Config, Hook, Mount } from '../../../spec/generated/config.ts'
import { resolve } from '../../paths.ts'
import { type Check, type Complaint, firstOf, hasNamespace, relative } from './namespacesOf.ts'

export const MOUNT_CHECKS: readonly Check[] = [
  destinationsAreBelowRoot,
  idMapsComeInPairs,
  idMapsAreForBindMounts,
  idMapsComeFromSomewhere,
  hooksAreNamed,
]

/** A mount on `/` would hide the root file system that the other properties talk about. */
function destinationsAreBelowRoot({ mounts }: Config): Complaint | undefined {
  return firstOf(mounts, '/mounts', ({ destination }) => {
    if (destination === '') return { pointer: '/destination', reason: 'must not be empty' }
    if (!isRoot(destination)) return undefined
    return { pointer: '/destination', reason: `must be below the root, is ${JSON.stringify(destination)}` }
  })
}

/** By its letters alone: a symbolic link to the root is found when the path is resolved. */
function isRoot(path: string): boolean {
  return resolve('/', path) === '/'
}

function isBind({ options }: Mount): boolean {
  return options !== undefined && (options.includes('bind') || options.includes('rbind'))
}

function idMapOption({ options }: Mount): string | undefined {
  if (options === undefined) return undefined
  return options.includes('idmap') ? 'idmap' : options.includes('ridmap') ? 'ridmap' : undefined
}

function hasMappings({ uidMappings, gidMappings }: Mount): boolean {
  return (uidMappings?.length ?? 0) > 0 || (gidMappings?.length ?? 0) > 0
}

function idMapsComeInPairs({ mounts }: Config): Complaint | undefined {
  return firstOf(mounts, '/mounts', ({ uidMappings, gidMappings }) => {
    if (uidMappings === undefined && gidMappings === undefined) return undefined
    const [uids, gids] = [uidMappings?.length ?? 0, gidMappings?.length ?? 0]
    if (uids > 0 === gids > 0) return undefined
    const [given, other] = uids > 0 ? ['uidMappings', 'gidMappings'] : ['gidMappings', 'uidMappings']
    return { pointer: `/${other}`, reason: `is missing; it goes together with ${given}` }
  })
}

function idMapsAreForBindMounts({ mounts }: Config): Complaint | undefined {
  return firstOf(mounts, '/mounts', mount => {
    if ((!hasMappings(mount) && idMapOption(mount) === undefined) || isBind(mount)) return undefined
    return { pointer: '', reason: 'only a bind mount can be id-mapped; add the option `bind` or `rbind`' }
  })
}

function idMapsComeFromSomewhere(config: Config): Complaint | undefined {
  return firstOf(config.mounts, '/mounts', mount => {
    const option = idMapOption(mount)
    if (option === undefined || hasMappings(mount) || hasNamespace(config, 'user')) return undefined
    const reason = `the option \`${option}\` needs uidMappings and gidMappings, or a user namespace to take them from`
    return { pointer: '', reason }
  })
}

const MOMENTS = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const

/**
 * Relative ones count from where the hook begins, see oddities.ts. For createContainer that is the root of the image, whose
 * program would run with the rights of the runtime.
 */
function hooksAreNamed({ hooks }: Config): Complaint | undefined {
  for (const moment of MOMENTS) {
    const look = ({ path }: Hook) => (path === '' || moment === 'createContainer' ? relative(path, '/path') : undefined)
    const complaint = firstOf(hooks?.[moment], `/hooks/${moment}`, look)
    if (complaint !== undefined) return complaint
  }
  return undefined
}
