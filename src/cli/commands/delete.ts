import { checkId } from '../../config/id.ts'
import { deleteContainer } from '../../container/delete.ts'
import { doing } from '../../errors.ts'
import { listIds } from '../../state/store.ts'
import { forMatching } from '../line/matching.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb<'delete'> = (runtime, { force, regex }, positionals) => {
  const [id = ''] = positionals
  const remove = (one: string) => doing(`delete \`${one}\``, () => deleteContainer(runtime, one, force))

  if (regex) forMatching(listIds(runtime.outside, runtime.root), id, remove)
  else remove(checkId(id))
}
