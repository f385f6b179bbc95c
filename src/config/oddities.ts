// What crun and runc take although it is odd, and so do we: each with a word about what becomes of it.

import type { Config, Process } from '../../spec/generated/config.ts'
import { isAbsolute } from '../paths.ts'
import { type Complaint, hasNamespace } from './checks/namespacesOf.ts'

type OddityCheck = (config: Config) => Iterable<Complaint>

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/

const LOOKS: readonly OddityCheck[] = [
  version,
  namelessAnnotation,
  mappingsForNobody,
  relativePaths,
  relativeHooks,
  deviceAccess,
  devicesAgain,
  devicesWithoutNumbers,
  limitsAgain,
  personalityFlags,
  metadataForNobody,
  readonlyRootOfHost,
]

/** All that is odd in a config that checkConfig() has passed. */
export function oddities(config: Config): Complaint[] {
  return LOOKS.flatMap(look => [...look(config)])
}

/** Nobody looks at the version: once crun did, and refused every configuration after a release of the specification. */
function* version({ ociVersion }: Config): Iterable<Complaint> {
  const major = SEMVER.exec(ociVersion)?.[1]
  if (major === undefined)
    yield { pointer: '/ociVersion', reason: `is ${JSON.stringify(ociVersion)} and no version, read as one of 1.x` }
  else if (Number(major) > 1)
    yield { pointer: '/ociVersion', reason: `is ${ociVersion}, read as one of 1.x: what only it has is ignored` }
}

function* namelessAnnotation({ annotations }: Config): Iterable<Complaint> {
  if (annotations?.[''] !== undefined) yield { pointer: '/annotations/', reason: 'an annotation without a name' }
}

function* mappingsForNobody(config: Config): Iterable<Complaint> {
  if (hasNamespace(config, 'user')) return
  for (const name of ['uidMappings', 'gidMappings'] as const)
    if (config.linux?.[name]?.length)
      yield { pointer: `/linux/${name}`, reason: 'has no effect without a user namespace' }
}

function* relativePaths({ linux, mounts }: Config): Iterable<Complaint> {
  const lists: [string, readonly string[]][] = [
    ['/linux/maskedPaths/*', linux?.maskedPaths ?? []],
    ['/linux/readonlyPaths/*', linux?.readonlyPaths ?? []],
    ['/linux/devices/*/path', (linux?.devices ?? []).map(({ path }) => path)],
    ['/mounts/*/destination', (mounts ?? []).map(({ destination }) => destination)],
  ]
  for (const [pointer, paths] of lists.filter(([, paths]) => !paths.every(isAbsolute)))
    for (const [index, path] of paths.entries())
      if (!path.startsWith('/'))
        yield {
          pointer: pointer.replace('*', `${index}`),
          reason: path === '' ? 'is empty and names nothing' : `\`${path}\` is not absolute and counts from the root`,
        }
}

function* relativeHooks({ hooks = {} }: Config): Iterable<Complaint> {
  for (const [moment, list] of Object.entries(hooks))
    for (const [index, { path }] of (list ?? []).entries())
      if (!isAbsolute(path)) {
        const from = moment === 'startContainer' ? 'working directory of the program' : 'bundle'
        yield {
          pointer: `/hooks/${moment}/${index}/path`,
          reason: `\`${path}\` is not absolute and counts from the ${from}`,
        }
      }
}

function* deviceAccess({ linux }: Config): Iterable<Complaint> {
  for (const [index, { access }] of (linux?.resources?.devices ?? []).entries())
    if (access !== undefined && /[^rwm]/.test(access))
      yield {
        pointer: `/linux/resources/devices/${index}/access`,
        reason: `\`${access}\` has letters other than \`r\`, \`w\` and \`m\`, which say nothing`,
      }
}

function* devicesAgain({ linux }: Config): Iterable<Complaint> {
  const seen = new Set<string>()
  for (const [index, { path }] of (linux?.devices ?? []).entries()) {
    if (seen.has(path))
      yield { pointer: `/linux/devices/${index}/path`, reason: `\`${path}\` is there already; the first one counts` }
    seen.add(path)
  }
}

function* devicesWithoutNumbers({ linux }: Config): Iterable<Complaint> {
  for (const [index, device] of (linux?.devices ?? []).entries())
    for (const key of ['major', 'minor'] as const)
      if (device.type !== 'p' && device[key] === undefined)
        yield { pointer: `/linux/devices/${index}/${key}`, reason: 'is missing and counts as 0' }
}

function* limitsAgain({ process }: Config): Iterable<Complaint> {
  for (const { pointer, reason } of processOddities(process ?? {})) yield { pointer: `/process${pointer}`, reason }
}

/** What is odd in `process` alone, for `exec --process` too; pointers begin there. The same limit once more is no matter. */
export function* processOddities({ rlimits }: Partial<Process>): Iterable<Complaint> {
  const seen = new Map<string, string>()
  for (const [index, { type, soft, hard }] of (rlimits ?? []).entries()) {
    const limits = `${soft} ${hard}`
    if ((seen.get(type) ?? limits) !== limits)
      yield {
        pointer: `/rlimits/${index}`,
        reason: `\`${type}\` is listed twice, with different limits; the last counts`,
      }
    seen.set(type, limits)
  }
}

function* personalityFlags({ linux }: Config): Iterable<Complaint> {
  for (const [index, flag] of (linux?.personality?.flags ?? []).entries())
    yield { pointer: `/linux/personality/flags/${index}`, reason: `\`${flag}\` is ignored: no flag is defined` }
}

function* metadataForNobody({ linux }: Config): Iterable<Complaint> {
  if (linux?.seccomp?.listenerMetadata && !linux.seccomp.listenerPath)
    yield { pointer: '/linux/seccomp/listenerMetadata', reason: 'goes to nobody without listenerPath' }
}

function* readonlyRootOfHost(config: Config): Iterable<Complaint> {
  if (config.root?.readonly && !hasNamespace(config, 'mount'))
    yield { pointer: '/root/readonly', reason: 'has no effect without a mount namespace: the root is no mount' }
}
