import { ENOENT, ENOTDIR } from '../../../../native/abi/errno.ts'
import { AT_FDCWD } from '../../../../native/abi/fcntl.ts'
import { listContainers, type ListedContainer } from '../../../container/list.ts'
import { doing, StateError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime.ts'
import { type Paint, paintFor } from '../../paint.ts'
import { printable } from '../../printable.ts'
import { formatTable } from '../../table.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'list'> = (runtime, options) => {
  const entries = doing('list', () => {
    if (runtime.rootIsGiven) expectRoot(runtime)
    return listContainers(runtime)
  })
  runtime.write(
    options.quiet
      ? formatIds(entries)
      : options.format === 'json'
        ? formatJson(entries)
        : formatList(entries, paintFor(runtime)),
  )
}

/** As in runc: a mistake in --root is no empty list. */
function expectRoot({ outside, root }: Runtime): void {
  if (outside.statx(AT_FDCWD, root, 0, [ENOENT, ENOTDIR]).stat === undefined)
    throw new StateError(`there is no directory \`${root}\`, which --root names`)
}

function formatIds(entries: readonly ListedContainer[]): string {
  return entries.map(({ id }) => `${printable(id)}\n`).join('')
}

/** An array on one line, as runc prints it; but empty where runc says null, which readers in other languages trip over. */
function formatJson(entries: readonly ListedContainer[]): string {
  return `${JSON.stringify(entries)}\n`
}

function formatList(entries: readonly ListedContainer[], paint: Paint): string {
  const rows = entries.map(e => [e.id, `${e.pid}`, e.status, e.bundle, e.created, e.owner])
  const titles = ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER']
  const table = formatTable([titles, ...rows.map(row => row.map(printable))])
  return table.replace(/^.*/, heading => paint('bold', heading))
}
