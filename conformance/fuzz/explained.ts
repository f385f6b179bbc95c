// Differences that are known, and the reason for tsrun's side of them.

import type { Config } from '../lib/config.ts'
import type { Difference } from './compare.ts'

interface Explanation {
  readonly reason: string
  /** Names of sections. */
  readonly section: string
  /** Is this difference, or the rest of it, the one that is meant? */
  readonly holds: (difference: Difference, config: Config, subject: string) => boolean
}

const only = (difference: Difference, pattern: RegExp) => difference.odd.every(line => pattern.test(line))

const explanations: readonly Explanation[] = [
  {
    reason: 'HOME comes from the /etc/passwd of the image, also when that is masked for the program',
    section: 'env',
    holds: (difference, { linux }) =>
      only(difference, /^(?:- )?HOME=/) && (linux.maskedPaths ?? []).some(path => path.startsWith('/etc')),
  },
  {
    reason:
      'a new ipc namespace is made together with its user namespace: the root of mqueue is of nobody, and writable for all',
    section: 'dev',
    holds: (difference, { linux }) => linux.uidMappings !== undefined && only(difference, / mqueue$/),
  },
  {
    reason: 'devices in a user namespace are nodes of a tmpfs of its own, where the peers bind those of the host',
    section: 'mounts',
    holds: ({ odd }, { linux }) => linux.uidMappings !== undefined && odd.every(line => /^(- )?\/dev\/\w+ /.test(line)),
  },
  {
    reason: 'and so they belong to its root, if it has one',
    section: 'dev',
    holds: ({ odd }, { linux }) =>
      linux.uidMappings !== undefined && odd.every(line => /^(- )?[cb]rw| mqueue$/.test(line)),
  },
  {
    reason: 'the peers can not have a time namespace, or devices that the host lacks, in a user namespace',
    section: 'outcome',
    holds: (difference, { linux }) => {
      const hard = linux.timeOffsets !== undefined || (linux.devices ?? []).length > 0
      return only(difference, /^runs$/) && linux.uidMappings !== undefined && hard
    },
  },
  {
    reason: 'the peers can not mask or protect paths below an unbindable root',
    section: 'outcome',
    holds: (difference, { linux }) =>
      only(difference, /^runs$/) && (linux.rootfsPropagation ?? '').endsWith('unbindable'),
  },
  {
    reason: 'what is below a masked path is masked or read-only too, as if one could see it',
    section: 'mounts',
    holds: (difference, { linux: { maskedPaths = [] } }) =>
      difference.odd.every(line => isBelow(maskedPaths)(line.replace(/^- /, '').split(' ')[0]!)),
  },
  {
    reason: "a new network namespace takes forwarding over from the host's, which somebody changed meanwhile",
    section: 'sysctl',
    holds: (difference, { linux }) =>
      only(difference, /^(?:- )?net\/ipv4\/.*forward/) &&
      !Object.keys(linux.sysctl ?? {}).some(key => key.includes('forward')),
  },
  {
    reason:
      'a masked directory can be listed and entered by all, and nothing else: mode 0555, also in a user namespace',
    section: 'paths cwd',
    holds: (difference, { linux: { maskedPaths = [] } }) =>
      difference.section === 'cwd' // which may be a link to one
        ? maskedPaths.length > 0 && only(difference, /^(dr-xr-xr-x|- d)/)
        : difference.odd.every(line => maskedPaths.includes(line.replace(/^- /, '').split(' ')[0]!)),
  },
  {
    reason: 'the peers can not mount a message queue on one',
    section: 'outcome',
    holds: (difference, { mounts }) => {
      const places = mounts.filter(({ type }) => type === 'mqueue').map(({ destination }) => destination)
      return only(difference, /^runs$/) && new Set(places).size < places.length
    },
  },
  {
    reason: 'of two mounts in one place each gets its own options: runc gives some of the first to the second',
    section: 'mounts',
    holds: (difference, { mounts }) => {
      const places = mounts.map(({ destination }) => destination.replace('/link/', '/tmp/'))
      const shared = places.filter((place, i) => places.indexOf(place) !== i)
      return difference.odd.every(line => shared.includes(line.replace(/^- /, '').split(' ')[0]!))
    },
  },
  {
    reason: 'a read-only path is read-only with the mounts below it, which the peers leave writable',
    section: 'mounts writing',
    holds: (difference, { linux, mounts }) => {
      const below = mounts
        .map(({ destination }) => destination.replace('/link/', '/tmp/'))
        .filter(isBelow(linux.readonlyPaths ?? []))
      return difference.odd.every(line => below.some(path => line.replace(/^- /, '').startsWith(path)))
    },
  },
]

function isBelow(directories: readonly string[]): (path: string) => boolean {
  return path => directories.some(directory => path.startsWith(`${directory}/`))
}

/** Why tsrun differs there, undefined when nobody has said it yet. */
export function explain(difference: Difference, config: Config, subject: string): string | undefined {
  return explanations.find(
    ({ section, holds }) => section.split(' ').includes(difference.section) && holds(difference, config, subject),
  )?.reason
}
