import type { Host } from '../../../../native/host.ts'
import { version } from '../../../../package.json'

/** Put in by the build. */
declare const TSRUN_COMMIT: string | undefined

/** The runtime-spec that this program follows. */
const SPEC_VERSION = '1.3.0'

/** What is built in, in the manner of crun; a word comes here together with its code. */
const BUILT = ['SYSTEMD', 'SELINUX', 'APPARMOR', 'CGROUP2', 'CAP', 'SECCOMP', 'EBPF', 'CRIU']

/** The text of --version. Callers read the first line as `NAME version X`, and the keys of the next ones. */
export function versionText({ engine, noBinary }: Pick<Host, 'engine' | 'noBinary'>): string {
  const commit = typeof TSRUN_COMMIT === 'string' ? TSRUN_COMMIT : 'unknown'
  const built = BUILT.map(word => `+${word}`).join(' ')
  const instead = noBinary === undefined ? '' : ` (no static binary: ${noBinary})`
  return `tsrun version ${version}\ncommit: ${commit}\nspec: ${SPEC_VERSION}\nengine: ${engine}${instead}\n${built}\n`
}
