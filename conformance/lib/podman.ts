// podman with nothing of the machine's: own configuration, storage, networks and temporary files, in held namespaces.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostMounts, isAlive } from './machine.ts'
import { containersConf, storageConf } from './podmanConf.ts'
import { makeRootfs } from './rootfs.ts'
import { eventually, must, type Result, type RunOptions, run } from './run.ts'
import { runtime } from './runtime.ts'
import { fresh, sceneDirectory } from './scene.ts'
import type { User } from './user.ts'
import { type Delegation, delegatedV2, type Held, holdView, PURE_V2 } from './views.ts'

export const IMAGE = 'localhost/busybox-image'

export interface Podman {
  /** One podman command to its end. */
  run(words: readonly string[], options?: RunOptions): Result
  /** A podman command that must succeed: its trimmed output. */
  must(...words: string[]): string
  /** The command line that `run` runs. */
  words(words: readonly string[]): string[]
  /** Any program in podman's namespaces. */
  beside(words: readonly string[]): Result
  close(): void
}

/** podman and netavark keep some of their files here whatever they are told, and so does the runtime. */
const PRIVATE_RUN = 'mount -t tmpfs -o mode=755 run /run'

/** An unprivileged user's devices, which the machine may keep for root. */
const USER_DEVICES = `mount --make-rshared /
for device in fuse:10:229 net/tun:10:200; do
  name=\${device%%:*}; numbers=\${device#*:}; copy=$(mktemp -d)/node
  if [ -e /dev/$name ]; then mknod -m 666 $copy c \${numbers%:*} \${numbers#*:}; mount --bind $copy /dev/$name; rm $copy; rmdir \${copy%/node}; fi
done`

/** podman in the machine's own view of cgroups, or in the pure v2 view; as root, or as a user. */
export function openPodman(view: 'machine' | 'v2', user?: User): Podman {
  const directory = join(sceneDirectory, fresh('p'))
  for (const name of ['', 'tmp', 'volumes', 'networks', 'graph', 'run'])
    mkdirSync(join(directory, name), { mode: 0o755 })
  writeFileSync(join(directory, 'containers.conf'), containersConf(directory, runtime.path))
  writeFileSync(join(directory, 'storage.conf'), storageConf(directory))
  makeRootfs(join(directory, 'image'))
  must(['tar', '-C', join(directory, 'image'), '-cf', join(directory, 'image.tar'), '.'])
  const setup = [PRIVATE_RUN, ...(user === undefined ? [] : [USER_DEVICES]), ...(view === 'v2' ? [PURE_V2] : [])]
  const held = holdView(setup.join('\n'))
  const delegation = user === undefined ? undefined : delegatedV2(user.uid)
  if (user !== undefined) must(['chown', '-hR', `${user.uid}:${user.gid}`, directory])

  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: user?.home ?? '/root',
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(directory, 'storage.conf'),
    TMPDIR: join(directory, 'tmp'),
  }
  const globals = ['--cgroup-manager', 'cgroupfs', '--runtime', runtime.path]
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const wrap = (words: readonly string[]) => {
    const own = user === undefined ? ['env', '-i', ...variables, ...words] : user.wrap(words, env)
    return held.wrap(delegation === undefined || view !== 'v2' ? own : delegation.enter(own))
  }
  const podman: Podman = {
    run: (words, options = {}) => run(wrap(['podman', ...globals, ...words]), { timeout: 90_000, ...options }),
    must: (...words) => must(wrap(['podman', ...globals, ...words]), { timeout: 90_000 }).trim(),
    words: words => wrap(['podman', ...globals, ...words]),
    beside: words => run(wrap(words)),
    close: () => closePodman(podman, directory, held, delegation, user),
  }
  podman.must('import', join(directory, 'image.tar'), IMAGE)
  return podman
}

function closePodman(
  podman: Podman,
  directory: string,
  held: Held,
  delegation: Delegation | undefined,
  user: User | undefined,
): void {
  podman.run(['rm', '--all', '--force', '--time', '0'])
  podman.run(['network', 'prune', '--force'])
  if (user !== undefined) stopPauseProcess(user, directory)
  held.close()
  eventually('the storage to be free', () => run(['rm', '-rf', directory]).status === 0)
  delegation?.remove()
  removeParents()
}

/** Rootless podman keeps a process that holds its namespaces. */
function stopPauseProcess(user: User, directory: string): void {
  for (const path of [join(directory, 'tmp/pause.pid'), join(user.runtimeDirectory, 'libpod/tmp/pause.pid')]) {
    if (!existsSync(path)) continue
    const pid = Number(readFileSync(path, 'utf8'))
    process.kill(pid, 'SIGKILL')
    eventually('the pause process to end', () => !isAlive(pid))
  }
}

/** Folders that podman puts its containers in and never removes. */
function removeParents(): void {
  const trees = hostMounts().filter(mount => mount.type === 'cgroup' || mount.type === 'cgroup2')
  for (const { target } of trees) run(['sh', '-c', `find ${target}/libpod_parent -depth -type d -exec rmdir {} +`])
}
