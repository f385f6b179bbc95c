import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../../native/abi/fcntl.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { connectToSystemd } from '../../cgroup/systemd/connection.ts'
import { Failure } from '../../errors.ts'
import { type DoctorCheck, type Facts, ok, warning } from './checkResult.ts'
import { findProgram } from './namespaces.ts'

/** systemd, for cgroups that it manages. */
export const checkSystemd: DoctorCheck = ({ runtime, rootless }) => {
  const whose = rootless ? "the user's systemd" : 'systemd'
  try {
    using _ = connectToSystemd(runtime)
    return [ok('systemd', `${whose} answers; --cgroup-manager systemd can be used`)]
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const fix = rootless
      ? 'log in as this user, or `loginctl enable-linger`; podman: cgroup_manager = "cgroupfs" in containers.conf'
      : 'none is needed for --cgroup-manager cgroupfs, the default (podman: cgroup_manager = "cgroupfs" in containers.conf)'
    return [warning('systemd', `${whose} does not answer, so it can make no cgroups`, fix)]
  }
}

/** CRIU, for checkpoints. */
export const checkCriu: DoctorCheck = facts => {
  const path = findProgram(facts, 'criu')
  if (path !== undefined) return [ok('criu', `\`${path}\` is there, for checkpoint and restore`)]
  return [warning('criu', 'it is not installed, so there are no checkpoints', 'install criu, if you want them')]
}

/** Whether podman, if it is installed, knows this tsrun. */
export const checkPodman: DoctorCheck = facts => {
  if (findProgram(facts, 'podman') === undefined) return []
  const file = configurationFiles(facts).find(path => hasRuntime(facts, path))
  const program = ownPath(facts)
  if (file !== undefined) return [ok('podman', `\`${file}\` tells podman of tsrun`)]
  return [
    warning(
      'podman',
      `podman is installed and does not know tsrun, though \`podman --runtime ${program}\` works`,
      podmanConfiguration(program),
    ),
  ]
}

/** All that podman reads; see containers.conf(5). */
function configurationFiles({ runtime, outside, rootless }: Facts): string[] {
  const home = runtime.env('XDG_CONFIG_HOME') ?? `${runtime.env('HOME') ?? ''}/.config`
  const named = runtime.env('CONTAINERS_CONF')
  const places = [...(rootless ? [`${home}/containers`] : []), '/etc/containers', '/usr/share/containers']
  const files = places.flatMap(place => [`${place}/containers.conf`, ...dropIns(outside, `${place}/containers.conf.d`)])
  return [...(named ? [named] : []), ...files]
}

function dropIns(outside: Kernel<'outside'>, path: string): string[] {
  using directory = outside.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 'any')
  if (!directory.exists) return []
  const names = outside.readDirectory(directory).filter(name => name.endsWith('.conf'))
  return names.sort().map(name => `${path}/${name}`)
}

function hasRuntime({ outside }: Facts, path: string): boolean {
  try {
    return /^\s*tsrun\s*=\s*\[/m.test(outside.readTextIfAny(AT_FDCWD, path) ?? '')
  } catch (error) {
    if (error instanceof Failure) return false // not ours to read
    throw error
  }
}

/** What containers.conf needs. */
function podmanConfiguration(program: string): string {
  return [
    'add this to /etc/containers/containers.conf, or to ~/.config/containers/containers.conf:',
    '[engine]',
    'runtime = "tsrun"',
    'runtime_supports_json = ["crun", "runc", "tsrun"]',
    'runtime_supports_nocgroup = ["crun", "tsrun"]',
    '[engine.runtimes]',
    `tsrun = ["${program}"]`,
  ].join('\n')
}

/** The file that was called: the executable, or the script that starts Node.js with the program. */
function ownPath({ outside }: Facts): string {
  const words = (outside.readTextIfAny(AT_FDCWD, '/proc/self/cmdline') ?? '').split('\0')
  const program = words.find(word => word.endsWith('/lib/tsrun.cjs'))
  return program === undefined
    ? outside.readlinkat(AT_FDCWD, '/proc/self/exe')
    : program.replace(/\/lib\/tsrun\.cjs$/, '/tsrun')
}
