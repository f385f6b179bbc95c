import { checkId } from '../../../config/id.ts'
import { containerPids, psTable } from '../../../container/ps.ts'
import { doing, HostError } from '../../../errors.ts'
import { formatTable } from '../../table.ts'
import type { Verb } from '../../verb.ts'

const DEFAULT_ARGUMENTS = ['-ef']

export const verb: Verb<'ps'> = (runtime, { format }, [word = '', ...args]) => {
  const id = checkId(word)
  const text = doing(`ps \`${id}\``, () => {
    const pids = containerPids(runtime, id)
    if (format === 'json') return `${JSON.stringify(pids)}\n`
    const table = psTable(runtime, pids, args.length === 0 ? DEFAULT_ARGUMENTS : args)
    if (table === undefined && args.length > 0)
      throw new HostError(
        'there is no ps(1) on this host to understand these arguments; leave them out or install procps',
      )
    return table ?? formatTable([['PID'], ...pids.map(pid => [`${pid}`])])
  })
  runtime.write(text)
}
