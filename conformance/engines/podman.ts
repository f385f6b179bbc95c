// podman as root.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containersConf, storageConf } from '../lib/podmanConf.ts'
import { main } from './lib/engine.ts'
import { makeImage } from './lib/image.ts'
import { cases } from './lib/podmanCases.ts'
import { rootCases } from './lib/podmanRootCases.ts'

main({
  name: 'podman',
  packages: ['podman', 'conmon', 'catatonit', 'busybox-static', 'netavark', 'aardvark-dns', 'iptables', 'socat'],
  versions: ['podman --version', 'conmon --version'],
  open: ({ directory, runtime }) => {
    for (const name of ['tmp', 'volumes', 'networks', 'graph', 'run', 'work']) mkdirSync(join(directory, name))
    writeFileSync(join(directory, 'containers.conf'), containersConf(directory, runtime))
    writeFileSync(join(directory, 'storage.conf'), storageConf(directory))
    makeImage(directory)
    return `
      echo containers:300000:1000000 | tee -a /etc/subuid >> /etc/subgid
      podman import image.tar localhost/busybox`
  },
  environment: ({ directory }) => ({
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(directory, 'storage.conf'),
  }),
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
    rm -rf work; mkdir work`,
  close: 'podman network prune --force',
  cases: [...cases, ...rootCases],
})
