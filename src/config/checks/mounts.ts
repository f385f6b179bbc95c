// Checks of mounts and hooks (config.md, Mounts and POSIX-platform Hooks). What depends on where a path leads, or on the type of
// a mount, is told when mounts are planned, see plan/mounts/mounts.ts.

import type { Config, Hook, Mount } from '../../../spec/generated/config.ts'
import { idMapWord } from '../../plan/mounts/mountOptions.ts'
import { type Check, type Complaint, firstOf, hasNamespace, relative } from './namespacesOf.ts'

export const MOUNT_CHECKS: readonly Check[] = [
  idMapsComeInPairs,
  idMapsAreForBindMounts,
  idMapsComeFromSomewhere,
  hooksAreNamed,
]

function isBind({ options }: Mount): boolean {
  return options !== undefined && (options.includes('bind') || options.includes('rbind'))
}

/** The last word about an id map, which is the one that counts. */
function idMapOption({ options }: Mount): string | undefined {
  return options?.findLast(option => idMapWord(option) !== undefined)
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
    if (isBind(mount) || (!hasMappings(mount) && idMapOption(mount) === undefined)) return undefined
    return { pointer: '', reason: 'only a bind mount can be id-mapped; add the option `bind` or `rbind`' }
  })
}

function idMapsComeFromSomewhere(config: Config): Complaint | undefined {
  if (hasNamespace(config, 'user')) return undefined
  return firstOf(config.mounts, '/mounts', mount => {
    const option = idMapOption(mount)
    if (option === undefined || option.includes('=') || hasMappings(mount)) return undefined
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
