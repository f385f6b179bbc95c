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
      # Whose ids --userns auto takes; libsubid 6 wants that there is such a user.
      grep -q ^containers: /etc/passwd || echo containers:x:990:990::/:/usr/sbin/nologin >> /etc/passwd
      echo containers:300000:1000000 | tee -a /etc/subuid >> /etc/subgid
      podman import image.tar localhost/busybox`
  },
  environment: configured,
  ...scripts,
  close: 'podman network prune --force',
  cases: [...cases, ...rootCases],
})
