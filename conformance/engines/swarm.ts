// docker swarm: two dockerds as nodes, whose default runtime is the one under test. The second node has processes, mounts and
// a network of its own, with a cable to the first: when its first process is killed everything on it ends, as with a machine.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from './lib/engine.ts'
import { makeImage } from './lib/image.ts'
import { cases } from './lib/swarmCases.ts'

/** The network of each node's own bridge. The cable is 10.93.0.0/24. */
const BRIDGES = { one: '10.91.0.1/24', two: '10.92.0.1/24' }

/** Starts the daemon of a node, in place of the shell. */
const NODE = `
  hostname $1
  ip link set lo up
  # Versions that have this option set a score by default that is not to be set here.
  score=$(dockerd --help | grep -q -e --oom-score-adjust && echo --oom-score-adjust=0 || :)
  exec dockerd --config-file $DIRECTORY/$1.json $score -H unix://$DIRECTORY/$1.sock >> $DIRECTORY/$1.log 2>&1
`

/** Functions of the shell: a command on a node, a node that is ready, and the second node with its cable. */
const FUNCTIONS = `
  on() { node=$1; shift; DOCKER_HOST=unix://$DIRECTORY/$node.sock "$@"; }
  ready() {
    for i in $(seq 200); do on $1 docker info > /dev/null 2>&1 && return; sleep 0.2; done
    tail -20 $DIRECTORY/$1.log
    return 1
  }
  plug() {
    unshare --net --pid --mount --uts --fork --kill-child --mount-proc \\
      sh -c 'mount -t tmpfs -o mode=755 run /run; exec catatonit -- sh node two' > /dev/null 2>&1 &
    echo $! > $DIRECTORY/two.pid
    for i in $(seq 50); do pgrep -P $! > /dev/null && break; sleep 0.1; done
    ip link add cable type veth peer name cable netns $(pgrep -P $!)
    ip address add 10.93.0.1/24 dev cable
    ip link set cable up
    nsenter --net -t $(pgrep -P $!) sh -c 'ip address add 10.93.0.2/24 dev cable; ip link set cable up'
    ready two
  }
  unplug() { kill -9 $(pgrep -P $(cat $DIRECTORY/two.pid)); ip link delete cable; }`

main({
  name: 'swarm',
  packages: ['docker.io', 'containerd', 'iptables', 'iproute2', 'busybox-static'],
  versions: ['docker --version', 'containerd --version'],
  open: ({ directory, runtime }) => {
    makeImage(directory)
    writeFileSync(join(directory, 'node'), NODE)
    for (const [name, bip] of Object.entries(BRIDGES)) {
      const data = join(directory, `${name}.data`)
      mkdirSync(data)
      writeFileSync(
        join(directory, `${name}.json`),
        JSON.stringify({
          'data-root': data,
          'exec-root': '/run/d',
          pidfile: '/run/d.pid',
          'exec-opts': ['native.cgroupdriver=cgroupfs'],
          runtimes: { tested: { path: runtime } },
          'default-runtime': 'tested',
          bip,
        }),
      )
    }
    return `
      ${FUNCTIONS}
      unshare --uts sh node one &
      ready one
      plug
      docker swarm init --advertise-addr 10.93.0.1 > /dev/null
      token=$(docker swarm join-token -q worker)
      on two docker swarm join --advertise-addr 10.93.0.2 --token $token 10.93.0.1:2377
      on one docker import image.tar busybox
      on two docker import image.tar busybox`
  },
  environment: ({ directory }) => ({ DOCKER_HOST: `unix://${directory}/one.sock`, DOCKER_CONFIG: directory }),
  prelude: `
    ${FUNCTIONS}
    soon() { for i in $(seq 150); do "$@" > /dev/null 2>&1 && return; sleep 0.2; done; "$@" || { docker service ps --no-trunc web >&2; docker node ls >&2; false; }; }
    # A program that ends when it is told to, and says so.
    LOOP='trap "echo stopping; exit 0" TERM; echo on $(hostname); while :; do sleep 0.05; done'
    serve() { docker service create --quiet --detach --no-resolve-image --name web "$@" busybox sh -c "$LOOP" > /dev/null; }
    replicas() { test "$(docker service ls --filter name=web --format '{{.Replicas}}')" = "$1"; }
    state() { test "$(docker node ls --filter name=$1 --format '{{.Status}}')" = "$2"; }
    containers() { on $1 docker ps -q --filter label=com.docker.swarm.service.name=web; }
    count() { test "$(containers $1 | wc -l)" = "$2"; }
    updated() { test "$(docker service inspect -f '{{.UpdateStatus.State}}' web)" = "$1"; }`,
  between: `
    ${FUNCTIONS}
    docker service ls -q | xargs -r docker service rm
    for i in $(seq 100); do [ -z "$(for n in one two; do on $n docker ps -aq; done)" ] && break; sleep 0.2; done
    docker node ls -q | xargs -n 1 docker node update --availability active
    docker network prune -f`,
  close: `
    ${FUNCTIONS}
    unplug
    docker swarm leave --force
    kill $(cat /run/d.pid); for i in $(seq 100); do [ -e /run/d.pid ] || break; sleep 0.2; done`,
  cases,
})
