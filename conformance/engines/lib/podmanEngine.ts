import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containersConf, storageConf } from '../../lib/podmanConf.ts'
import type { World } from './engine.ts'
import { makeImage } from './image.ts'

/** Configuration, folders and an image for podman. */
export function layOut({ directory, runtime }: World): void {
  for (const name of ['tmp', 'volumes', 'networks', 'graph', 'run', 'work']) mkdirSync(join(directory, name))
  writeFileSync(join(directory, 'containers.conf'), containersConf(directory, runtime))
  writeFileSync(join(directory, 'storage.conf'), storageConf(directory))
  makeImage(directory)
}

export function configured({ directory }: World): Record<string, string> {
  return {
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(directory, 'storage.conf'),
  }
}

/** What every script of a case may use, and how to clear away after it. */
export const scripts = {
  prelude: `
    cd work
    quick() { podman run --rm --network none "$@"; }
    box() { podman run -d --name box --network none "$@" > /dev/null; }
    terminal() { script -qec "$1" /dev/null; }
    status() { podman inspect -f '{{.State.Status}}' "$1"; }
    soon() { for i in $(seq 100); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
    said() { podman logs box | grep -q "$1"; }`,
  between: `
    podman rm --all --force --time 0
    podman pod rm --all --force --time 0
    podman volume prune --force
    rm -rf work 2> /dev/null || podman unshare rm -rf work # files of other ids, for a user
    mkdir work`,
}
