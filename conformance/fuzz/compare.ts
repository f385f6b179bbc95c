// Whether runtimes agree on what a container is like.

import type { Config } from '../lib/config.ts'
import { parseMountinfo } from '../lib/machine.ts'
import type { Seen } from './probe.ts'

/** How one runtime took a configuration. */
export interface Outcome {
  /** The exit code of `run`, undefined after a signal. */
  readonly status: number | undefined
  readonly stderr: string
  /** What the probe saw, when it ran. */
  readonly seen: Seen | undefined
}

/** A difference: where, and what each runtime has there. */
export interface Difference {
  readonly section: string
  /** The lines that make it one. */
  readonly odd: readonly string[]
  readonly values: Readonly<Record<string, readonly string[]>>
}

/** Options of file systems that say how the kernel or the runtime keeps something, not what the container gets. */
const BESIDE_THE_POINT = /^(?:seclabel|inode64|r[ow]|context=|size=0k|gid=\d+|uid=\d+|lowerdir=)/

const isMode = (option: string) => option.startsWith('mode=')

function mountLines(config: Config, lines: readonly string[]): string[] {
  const masked = config.linux.maskedPaths ?? []
  return parseMountinfo(lines.join('\n'))
    .map(({ target, options, tags, type, source, superOptions }) => {
      // Some mask with an empty tmpfs of their own, others with one for all.
      if (masked.includes(target)) return `${target} masked`
      // A mode that nobody has asked for is that of the directory below, whether by an option or set afterwards: the probe looks.
      const asked = config.mounts.some(mount => mount.destination === target && mount.options?.some(isMode))
      const isTold = (option: string) => asked || type !== 'tmpfs' || !isMode(option)
      const kept = superOptions.filter(option => !BESIDE_THE_POINT.test(option) && isTold(option)).sort()
      const propagation = tags.map(tag => tag.replace(/:.*/, '')).sort()
      // What a device or the root is mounted from depends on where the runtime has got it.
      const from = target === '/' || target.startsWith('/dev/') ? '' : ` ${source}`
      return `${target} ${type}${from} ${options.toSorted().join(',')} [${propagation}] ${kept.join(',')}`
    })
    .sort()
}

/** Sections whose raw lines say what only this machine or this run has. */
const NORMAL: Readonly<Record<string, (lines: readonly string[], config: Config, host: Host) => readonly string[]>> = {
  mounts: (lines, config) => mountLines(config, lines),
  namespaces: (lines, _, host) =>
    lines.map(line => {
      const [name, link] = line.split(' ')
      return `${name} ${host.namespaces[name!] === link ? "the host's" : 'own'}`
    }),
}

export interface Host {
  /** The links of the host's namespaces by name. */
  readonly namespaces: Readonly<Record<string, string>>
}

function normal(section: string, seen: Seen, config: Config, host: Host): readonly string[] {
  const lines = seen[section] ?? []
  return NORMAL[section]?.(lines, config, host) ?? lines
}

/**
 * Where `subject` agrees with none of its peers. Where these differ among themselves, either is good company: a runtime
 * alone with its behaviour is what users stumble over.
 */
export function differences(
  subject: string,
  outcomes: Readonly<Record<string, Outcome>>,
  config: Config,
  host: Host,
): Difference[] {
  const peers = Object.keys(outcomes).filter(name => name !== subject)
  if (peers.length === 0) return []
  const runs = (name: string) => outcomes[name]!.seen !== undefined
  if (peers.every(name => runs(name) !== runs(subject))) {
    const said = ({ status, stderr, seen }: Outcome) => [seen ? 'runs' : `${status}: ${stderr.trim()}`]
    return [{ section: 'outcome', odd: said(outcomes[subject]!), values: mapValues(outcomes, said) }]
  }
  if (!peers.every(runs)) return [] // with one peer alone there is no telling whose way is the usual one
  const ran = Object.fromEntries(Object.entries(outcomes).filter(([name]) => runs(name)))
  return Object.keys(outcomes[subject]!.seen!).flatMap(section => {
    const values = mapValues(ran, ({ seen }) => normal(section, seen!, config, host))
    const odd = oddLines(subject, values)
    return odd.length === 0 ? [] : [{ section, odd, values: onlyDiffering(values) }]
  })
}

/** The lines that only the subject has, and after a minus sign those that only it does not have. */
function oddLines(subject: string, values: Readonly<Record<string, readonly string[]>>): string[] {
  const mine = values[subject]!
  const others = Object.keys(values)
    .filter(name => name !== subject)
    .map(name => values[name]!)
  const extra = mine.filter(line => !others.some(lines => lines.includes(line)))
  const agreed = others.reduce((a, b) => a.filter(line => b.includes(line)))
  const missing = agreed.filter(line => !mine.includes(line))
  return [...extra, ...missing.map(line => `- ${line}`)]
}

/** Without the lines that all have. */
function onlyDiffering(values: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
  const common = Object.values(values).reduce((a, b) => a.filter(line => b.includes(line)))
  return mapValues(values, lines => lines.filter(line => !common.includes(line)))
}

function mapValues<T, U>(object: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}
