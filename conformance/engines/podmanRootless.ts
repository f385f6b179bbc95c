// podman as a user, with a cgroup that is delegated to it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from './lib/engine.ts'
import { cases } from './lib/podmanCases.ts'
import { configured, layOut, scripts } from './lib/podmanEngine.ts'
import { userCases } from './lib/podmanUserCases.ts'

const ID = 4321

main({
  name: 'podmanRootless',
  packages: ['podman', 'conmon', 'catatonit', 'busybox-static', 'uidmap', 'fuse-overlayfs', 'slirp4netns', 'socat'],
  versions: ['podman --version', 'conmon --version'],
  open: world => {
    layOut(world)
    const { directory } = world
    // With a group that only the host knows, for keep-groups.
    const words = `setpriv --reuid ${ID} --regid ${ID} --groups ${ID},${ID + 1} --inh-caps=-all --`
    writeFileSync(join(directory, 'as-user'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 })
    return `
      echo engine:x:${ID}:${ID}::$HOME:/bin/sh >> /etc/passwd
      echo engine:x:${ID}: >> /etc/group
      echo engine:500000:65536 | tee -a /etc/subuid >> /etc/subgid
      mkdir -p home /run/user/${ID}
      chown -R ${ID}:${ID} . /run/user/${ID}
      chmod 700 /run/user/${ID}
      for folder in /sys/fs/cgroup /sys/fs/cgroup/leaf; do
        chown ${ID}:${ID} $folder $folder/cgroup.procs $folder/cgroup.subtree_control $folder/cgroup.threads
      done
      mount --make-rshared /
      for device in fuse:10:229 net/tun:10:200; do
        name=\${device%%:*}; numbers=\${device#*:}
        [ -e /dev/$name ] || continue
        mknod -m 666 node c \${numbers%:*} \${numbers#*:}; mount --bind node /dev/$name; rm node
      done
      ./as-user podman import image.tar localhost/busybox`
  },
  environment: world => ({
    ...configured(world),
    HOME: join(world.directory, 'home'),
    XDG_RUNTIME_DIR: `/run/user/${ID}`,
    USER: 'engine',
  }),
  enter: ({ directory }) => [join(directory, 'as-user')],
  ...scripts,
  close: `./as-user podman system migrate; for pid in $(pgrep -u ${ID}); do kill $pid; done`,
  cases: [...cases, ...userCases],
})
