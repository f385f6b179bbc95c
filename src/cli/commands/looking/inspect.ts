import { checkId } from '../../../config/id.ts'
import { stringify } from '../../../config/json.ts'
import type { Deviation } from '../../../diagnose/drift/comparison.ts'
import { type Drift, findDrift } from '../../../diagnose/drift/drift.ts'
import { inspectContainer, type Inspection } from '../../../diagnose/inspect.ts'
import { doing } from '../../../errors.ts'
import { printable } from '../../printable.ts'
import { formatTable } from '../../table.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'inspect'> = (runtime, { drift, format }, positionals) => {
  const id = checkId(positionals[0]!)
  return doing(`inspect \`${id}\``, () => {
    if (!drift) {
      const inspection = inspectContainer(runtime, id)
      runtime.write(format === 'json' ? `${stringify(inspection, 2)}\n` : formatInspection(inspection))
      return 0
    }
    const found = findDrift(runtime, id)
    runtime.write(format === 'json' ? `${stringify(found, 2)}\n` : formatDrift(found))
    return found.drift.length === 0 ? 0 : 1
  })
}

function formatDrift({ drift, notes }: Drift): string {
  const line = (mark: string) => (finding: Deviation) => `${mark}${formatFinding(finding)}\n`
  const none = drift.length === 0 ? 'nothing differs from config.json and updates\n' : ''
  return [...drift.map(line('')), none, ...notes.map(line('note: '))].join('')
}

function formatFinding({ pointer, what, expected, found }: Deviation): string {
  return printable(`${pointer}: ${what} is ${found}, expected ${expected}`)
}

/** A heading and a table for each part. */
function formatInspection(inspection: Inspection): string {
  const { process, namespaces, mounts, cgroup, annotations, ...state } = inspection
  const part = (title: string, rows: readonly (readonly string[])[]) =>
    rows.length === 0 ? '' : `\n${title}\n${indent(formatTable(rows.map(row => row.map(printable))))}`
  return [
    formatTable(Object.entries(state).map(([key, value]) => [key, printable(`${value}`)])),
    part('annotations', Object.entries(annotations ?? {})),
    part('process', process === undefined ? [] : processRows(process)),
    part(
      'limits of the process',
      process?.rlimits.map(({ type, soft, hard }) => [type, limit(soft), limit(hard)]) ?? [],
    ),
    part(
      'namespaces',
      namespaces?.map(({ type, inode, shared }) => [type, `${inode}`, shared ? "the host's" : 'its own']) ?? [],
    ),
    part(
      'mounts',
      mounts?.map(row => [row.target, row.type, row.options.join(','), row.tags.join(',') || '-', origin(row)]) ?? [],
    ),
    part('cgroup', cgroup === undefined ? [] : cgroupRows(cgroup)),
  ].join('')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

function limit(value: bigint | undefined): string {
  return value === undefined ? 'unlimited' : `${value}`
}

function origin({ source, root, type }: NonNullable<Inspection['mounts']>[number]): string {
  return root === '/' ? source || type : `${source} ${root}`
}

function processRows(process: NonNullable<Inspection['process']>): string[][] {
  const { capabilities, seccomp, scheduler, label, oomScoreAdj, oomScore } = process
  return [
    ['executable', process.executable ?? '?'],
    ['arguments', process.args.map(arg => JSON.stringify(arg)).join(' ')],
    ['user', `${process.uid}:${process.gid}${process.additionalGids.map(gid => ` +${gid}`).join('')}`],
    ['umask', process.umask ?? '?'],
    ...Object.entries(capabilities).map(([set, names]) => [`${set} capabilities`, names.join(' ') || 'none']),
    ['no new privileges', process.noNewPrivileges ? 'yes' : 'no'],
    ['seccomp', seccomp.mode === 'filter' ? `filter (${seccomp.filters})` : seccomp.mode],
    ['label', label ?? 'none'],
    ['oom score', `${oomScore ?? '?'} (adjusted by ${oomScoreAdj ?? '?'})`],
    ['processors', process.cpus],
    ['memory nodes', process.memoryNodes],
    ['scheduler', `${scheduler.policy}, nice ${scheduler.nice}, priority ${scheduler.priority}`],
  ]
}

function cgroupRows({ path, current, processes, files, deviceFilter }: NonNullable<Inspection['cgroup']>): string[][] {
  return [
    ['path', path],
    ['first process', current ?? '?'],
    ['processes', `${processes}`],
    ['device filter', deviceFilter === undefined ? '?' : deviceFilter ? 'yes' : 'no'],
    ...Object.entries(files).map(([file, text]) => [file, text.replaceAll('\n', ', ')]),
  ]
}
