// podman as root.

import { main } from './lib/engine.ts'
import { cases } from './lib/podmanCases.ts'
import { configured, layOut, scripts } from './lib/podmanEngine.ts'
import { rootCases } from './lib/podmanRootCases.ts'

main({
  name: 'podman',
  packages: ['podman', 'conmon', 'catatonit', 'busybox-static', 'netavark', 'aardvark-dns', 'iptables', 'socat'],
  versions: ['podman --version', 'conmon --version'],
  open: world => {
    layOut(world)
    return `
      echo containers:300000:1000000 | tee -a /etc/subuid >> /etc/subgid
      podman import image.tar localhost/busybox`
  },
  environment: configured,
  ...scripts,
  close: 'podman network prune --force',
  cases: [...cases, ...rootCases],
})
