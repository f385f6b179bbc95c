import type { IntelRdt } from '../../spec/generated/config.ts'

/** The container's place in the resctrl file system, in names below its mount point; see resctrl.rst of the kernel. */
export interface ResctrlPlan {
  /** The directory of its group; empty for the root group. */
  readonly group: string
  /** The group is the container's own, made for it and removed with it. */
  readonly own: boolean
  /** Lines for `schemata`, in the order in which they are written. */
  readonly schemata: readonly string[]
  /** The directory of a monitoring group, which is always the container's own. */
  readonly monitoring: string | undefined
}

/** config-linux.md#intelrdt. */
export function planResctrl(rdt: IntelRdt, id: string): ResctrlPlan {
  const { closID } = rdt
  const group = closID === '/' ? '' : (closID ?? id)
  return {
    group,
    own: closID === undefined,
    schemata: schemataLines(rdt),
    monitoring: rdt.enableMonitoring ? `${group === '' ? '' : `${group}/`}mon_groups/${id}` : undefined,
  }
}

/** memBwSchema has the last word about bandwidth: lines of l3CacheSchema about it are left out then. */
function schemataLines({ l3CacheSchema = '', memBwSchema = '', schemata = [] }: IntelRdt): string[] {
  const cache = l3CacheSchema.split('\n').filter(line => memBwSchema === '' || !/^\s*MB:/.test(line))
  return [...cache, memBwSchema, ...schemata].map(line => line.trim()).filter(line => line !== '')
}

/**
 * The first of `wanted` that a group with this content of `schemata` does not have already, undefined when it has them
 * all. Values are compared as numbers: the kernel pads bit masks with zeros.
 */
export function missingSchema(wanted: readonly string[], schemata: string): string | undefined {
  const present = new Map(schemata.split('\n').map(parseSchema))
  return wanted.find(line => {
    const [resource, domains] = parseSchema(line)
    const there = present.get(resource)
    return [...domains].some(([domain, value]) => there?.get(domain) !== value)
  })
}

/** `L3:0=ff;1=0f`: the resource and the value for each of its domains. */
function parseSchema(line: string): [string, Map<string, bigint | string>] {
  const colon = line.indexOf(':')
  const resource = line.slice(0, colon).trim()
  const domains = line
    .slice(colon + 1)
    .split(';')
    .map((text): [string, bigint | string] => {
      const [domain = '', value = ''] = text.split('=').map(part => part.trim())
      return [domain, number(value, resource)]
    })
  return [resource, new Map(domains)]
}

/** Bandwidth is decimal, everything else a bit mask in hexadecimal. */
function number(text: string, resource: string): bigint | string {
  if (resource.endsWith('MB')) return /^\d+$/.test(text) ? BigInt(text) : text
  return /^[0-9a-f]+$/i.test(text) ? BigInt(`0x${text}`) : text
}
