import { UsageError } from '../errors.ts'

/** The longest name of a directory (NAME_MAX, see limits.h): the state of a container lies in one of its name. */
const LONGEST = 255

/** Gives `id` back if it can name a container, throws a UsageError otherwise. The characters are those of runc. */
export function checkId(id: string): string {
  const wrong = complaint(id)
  if (wrong !== undefined) throw new UsageError(`invalid container ID \`${id}\`: ${wrong}`)
  return id
}

/** Why no container can have the id; undefined when one can. */
export function complaint(id: string): string | undefined {
  if (id === '') return 'it is empty'
  const strange = /[^a-zA-Z0-9_+.-]/u.exec(id)?.[0]
  if (strange !== undefined)
    return `invalid character ${JSON.stringify(strange)}: only letters, digits and \`_\` \`+\` \`.\` \`-\` are allowed`
  if (id.startsWith('.')) return 'it starts with a `.`'
  if (id.length > LONGEST) return `it is longer than ${LONGEST} characters`
  return undefined
}

/** An id for the bundle at an absolute path: the name of the directory, with what an id can not hold replaced. */
export function idOfBundle(path: string): string {
  const name = path.replace(/\/+$/, '').replace(/^.*\//, '')
  const id = name.replace(/[^a-zA-Z0-9_+.-]+/g, '-').replace(/^[.-]+/, '')
  return id === '' ? 'container' : id.slice(0, LONGEST)
}
