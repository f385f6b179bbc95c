import { UsageError } from '../../errors.ts'
import type { ProcessChanges } from '../../plan/process/execProcess.ts'
import type { Environment } from '../options.ts'

/** The largest number of 32 bits stands for "no change": a program would keep the ids of root. */
const LARGEST_ID = 0xffff_fffe

/** Throws a UsageError for what a type can not rule out in what a program is to be like. */
export function checkChanges(
  where: string,
  {
    args,
    cwd,
    env,
    uid,
    gid,
    additionalGids,
  }: Pick<ProcessChanges, 'args' | 'cwd' | 'env' | 'uid' | 'gid' | 'additionalGids'>,
): void {
  if (args?.length === 0) throw new UsageError(`${where}: the command to run is missing`)
  if (cwd !== undefined && !cwd.startsWith('/')) throw new UsageError(`${where}: cwd: must be absolute, is \`${cwd}\``)
  const nameless = env?.findIndex(entry => entry.indexOf('=') < 1) ?? -1
  if (nameless !== -1) throw new UsageError(`${where}: env: must be NAME=VALUE, the ${nameless + 1}. is not`)
  for (const id of [uid, gid, ...(additionalGids ?? [])])
    if (id !== undefined && !(Number.isInteger(id) && id >= 0 && id <= LARGEST_ID))
      throw new UsageError(`${where}: \`${id}\` is not the id of a user or group, a number from 0 to ${LARGEST_ID}`)
}

/** As `NAME=VALUE` strings. Of an object, what is undefined is not set, as in child_process. */
export function environmentOf(env: Environment | undefined): readonly string[] | undefined {
  if (env === undefined || Array.isArray(env)) return env
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}
