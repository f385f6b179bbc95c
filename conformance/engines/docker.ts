// docker: a dockerd of its own with its containerd, whose default runtime is the one under test. The runc in its PATH is
// that runtime, too: the BuildKit in dockerd starts it by this name.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cases } from './lib/dockerCases.ts'
import { main } from './lib/engine.ts'
import { makeImage } from './lib/image.ts'

main({
  name: 'docker',
  packages: ['docker.io', 'containerd', 'iptables', 'busybox-static', 'tini'],
  versions: ['/usr/bin/docker --version', 'containerd --version'],
  open: ({ directory, runtime }) => {
    for (const folder of ['bin', 'data', 'work']) mkdirSync(join(directory, folder))
    symlinkSync(runtime, join(directory, 'bin/runc'))
    writeFileSync(join(directory, 'bin/docker'), '#!/bin/sh\nexec /usr/bin/docker "$@"\n', { mode: 0o755 })
    makeImage(directory)
    writeFileSync(
      join(directory, 'daemon.json'),
      JSON.stringify({
        'data-root': join(directory, 'data'),
        'exec-root': '/run/d',
        pidfile: '/run/d.pid',
        'exec-opts': ['native.cgroupdriver=cgroupfs'],
        runtimes: { tested: { path: runtime } },
        'default-runtime': 'tested',
        bip: '10.91.0.1/24',
      }),
    )
    return `
      echo remapped:x:4001:4001:::/bin/sh >> /etc/passwd
      echo remapped:x:4001: >> /etc/group
      echo remapped:400000:65536 | tee -a /etc/subuid >> /etc/subgid
      # Versions that have this option set a score by default that is not to be set here.
      score=$(dockerd --help | grep -q -e --oom-score-adjust && echo --oom-score-adjust=0 || :)
      dockerd --config-file daemon.json $score -H $DOCKER_HOST > dockerd.log 2>&1 &
      for i in $(seq 200); do docker info > /dev/null 2>&1 && break; sleep 0.2; done
      docker import image.tar busybox || { tail -20 dockerd.log; exit 1; }`
  },
  environment: ({ directory }) => ({ DOCKER_HOST: `unix://${directory}/docker.sock`, DOCKER_CONFIG: directory }),
  prelude: `
    cd work
    quick() { docker run --rm --network none "$@"; }
    box() { docker run -d --name box --network none "$@" > /dev/null; }
    terminal() { script -qec "$1" /dev/null; }
    status() { docker inspect -f '{{.State.Status}}' "$1"; }
    soon() { for i in $(seq 100); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
    said() { docker logs box | grep -q "$1"; }
    health() { test "$(docker inspect -f '{{.State.Health.Status}}' box)" = "$1"; }`,
  between: `
    docker ps -aq | xargs -r docker rm -f
    docker volume prune -f
    rm -rf work; mkdir work`,
  close: `
    docker network prune -f
    kill $(cat /run/d.pid); for i in $(seq 100); do [ -e /run/d.pid ] || break; sleep 0.2; done`,
  cases,
})
