import { doingAll } from '../../../native/failure.ts'
import { isErrno, KernelError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import { validateBundle } from './validate.ts'

/**
 * A failure with what validate says of the program in the place of what such an error usually means, when it is an execve
 * that missed something; otherwise the failure itself.
 */
export function explainExecve(runtime: Runtime, failure: unknown, bundle: string, configFile?: string): unknown {
  if (!isErrno(failure, 'ENOENT', 'ENOEXEC') || failure.call !== 'execve') return failure
  const { call, errno, subject, hint = '', phrases, cleanup } = failure
  const found = findingAbout(runtime, bundle, configFile)
  if (found === undefined) return failure
  // The words before the last colon are those that engines look for: docs/words.md.
  const words = hint.slice(0, hint.lastIndexOf(': '))
  const explained = doingAll(phrases, () => new KernelError(call, errno, subject, `${words}: ${found}`))
  explained.cleanup.push(...cleanup)
  return explained
}

/** The bundle may be gone by now, or have been changed: then nothing is known. */
function findingAbout(runtime: Runtime, bundle: string, configFile?: string): string | undefined {
  try {
    const findings = validateBundle(runtime, bundle, configFile)
    return findings.find(({ severity, pointer }) => severity !== 'note' && pointer === '/process/args/0')?.message
  } catch {
    return undefined
  }
}
