import { STDIN_FILENO } from '../../../native/abi/fcntl.ts'
import { decode } from '../../../native/utf8.ts'
import type { Resources } from '../../../spec/generated/config.ts'
import { checkId } from '../../config/id.ts'
import { parseResources } from '../../config/load.ts'
import { type Difference, updateContainer } from '../../container/update.ts'
import { doing } from '../../errors.ts'
import { readInput } from '../../host/callersFiles.ts'
import { mergeResources } from '../../plan/resources/update.ts'
import type { Runtime } from '../../runtime.ts'
import { formatTable } from '../table.ts'
import type { Verb } from '../verb.ts'
import { resourcesOf } from './resources.ts'

export const verb: Verb<'update'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const { 'l3-cache-schema': l3CacheSchema, 'mem-bw-schema': memBwSchema, 'dry-run': dryRun, resources } = options
  doing(`update \`${id}\``, () => {
    const change = mergeResources(resources ? readResources(runtime, resources) : undefined, resourcesOf(options))
    const schemata = { ...(l3CacheSchema && { l3CacheSchema }), ...(memBwSchema && { memBwSchema }) }
    const differences = updateContainer(runtime, { id, change, schemata, dryRun })
    if (dryRun) runtime.write(formatDifferences(differences))
  })
}

function readResources({ outside, absolute, warn }: Runtime, file: string): Resources {
  const bytes = file === '-' ? outside.readAll(STDIN_FILENO) : readInput(outside, absolute(file))!
  return parseResources(decode(bytes), file === '-' ? 'the standard input' : `\`${file}\``, warn)
}

/** `memory.max   max -> 67108864`; a dash where nothing is yet. */
function formatDifferences(differences: readonly Difference[]): string {
  return formatTable(differences.map(({ what, now, wanted }) => [what, `${now || '-'} -> ${wanted || '-'}`]))
}
