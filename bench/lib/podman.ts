// podman with nothing of the machine's: own configuration, storage and temporary files.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containersConf, storageConf } from '../../conformance/lib/podmanConf.ts'
import { eventually, must, run } from '../../conformance/lib/run.ts'
import type { Runtime } from './runtimes.ts'

const IMAGE = 'localhost/bench-image'
const PARENT = '/sys/fs/cgroup/libpod_parent'

export interface Engine {
  readonly image: string
  readonly env: Readonly<Record<string, string>>
  /** The words of a podman command that uses the runtime. */
  command(runtime: Runtime, ...words: string[]): string[]
  close(): void
}

/** Sets podman up with one image, made of `rootfs`. Gives the reason as text when there is none to be had. */
export function openPodman(parent: string, rootfs: string): Engine | string {
  const program = ['/usr/bin/podman', '/usr/local/bin/podman'].find(
    path => spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0,
  )
  if (program === undefined) return 'there is no podman on this machine'
  const directory = join(parent, 'podman')
  for (const name of ['tmp', 'volumes', 'networks', 'graph', 'run'])
    mkdirSync(join(directory, name), { recursive: true })
  writeFileSync(join(directory, 'containers.conf'), containersConf(directory))
  writeFileSync(join(directory, 'storage.conf'), storageConf(directory))
  const env = {
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(directory, 'storage.conf'),
    TMPDIR: join(directory, 'tmp'),
  }
  const image = join(directory, 'image.tar')
  must(['tar', '-C', rootfs, '-cf', image, '.'])
  must([program, 'import', image, IMAGE], { env: { ...process.env, ...env } })
  return {
    image: IMAGE,
    env,
    command: ({ path, options }, ...words) => {
      const flags = options.flatMap(option => ['--runtime-flag', option.replace(/^--/, '')])
      return [program, '--runtime', path, ...flags, ...words]
    },
    close: () => {
      run([program, 'rm', '--all', '--force', '--time', '0'], { env: { ...process.env, ...env } })
      run(['umount', join(directory, 'graph/overlay')])
      // conmon's own clean-up may still be under way.
      eventually('the storage of podman to be free', () => run(['rm', '-rf', directory]).status === 0)
      removeParent()
    },
  }
}

/** Folders that podman puts its containers in and never removes; one that is in use stays. */
function removeParent(): void {
  run(['sh', '-c', `find ${PARENT} -depth -type d -exec rmdir {} +`])
}
