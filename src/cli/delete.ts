import { doing } from '../errors.ts'
import { deleteContainer } from '../execute/delete.ts'
import { listIds } from '../state/store.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'
import { forMatching } from './matching.ts'

export const verb: Verb<'delete'> = (runtime, { force, regex }, positionals) => {
  const [id = ''] = positionals
  const remove = (one: string) => doing(`delete \`${one}\``, () => deleteContainer(runtime, one, force))

  if (regex) forMatching(listIds(runtime.outside, runtime.root), id, remove)
  else remove(checkId(id))
}
