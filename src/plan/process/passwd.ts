/** A number as strtoul(3) reads it, which is what reads /etc/passwd everywhere. */
const NUMBER = /^\s*[+-]?\d+$/

/**
 * The home directory of a user in the text of an /etc/passwd; undefined when there is no such user, empty when the line has
 * none. Lines are read as fgetpwent(3) reads them: a comment, or one whose ids are no numbers, is nobody's.
 */
export function homeOf(text: string, uid: number): string | undefined {
  for (const line of text.split('\n')) {
    const [name = '', , user = '', group = '', , home = ''] = line.trim().split(':')
    if (name.startsWith('#') || !NUMBER.test(user) || !NUMBER.test(group) || Number(user) !== uid) continue
    return home.split('\0', 1)[0]! // what follows can not be in an environment
  }
  return undefined
}
