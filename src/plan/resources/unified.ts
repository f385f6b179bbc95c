import { ConfigError, escaped } from '../../errors.ts'
import type { LimitStep } from './step.ts'

/** Files that act on processes instead of limiting them: in `create` they would move, stop or kill the first one. */
const ACTIONS: readonly string[] = ['cgroup.procs', 'cgroup.threads', 'cgroup.freeze', 'cgroup.kill', 'cgroup.type']

/**
 * Steps for config.json#/linux/resources/unified: what is there is written as it is, a line at a time, since files such as
 * io.max take one. Errors: ConfigError for what is not the name of a file in the container's own cgroup.
 */
export function planUnified(unified: Readonly<Record<string, string>>): LimitStep[] {
  return Object.entries(unified).flatMap(([file, text]) => {
    const pointer = `/linux/resources/unified/${escaped(file)}`
    if (!/^[^./\s][^/\s]*\.[^/\s]+$/.test(file))
      throw new ConfigError(
        `the specified key has not the form CONTROLLER.VALUE \`${file}\`, the name of a file of a cgroup such as \`memory.high\``,
        pointer,
      )
    if (ACTIONS.includes(file))
      throw new ConfigError('acts on processes and is no setting; use the commands of the runtime', pointer)
    const lines = text.split('\n').filter(line => line !== '')
    // Nothing is a value too: it resets cpuset.cpus. A write of no bytes would not reach the file.
    return (lines.length === 0 ? ['\n'] : lines).map(value => ({ file, value, pointer }))
  })
}
