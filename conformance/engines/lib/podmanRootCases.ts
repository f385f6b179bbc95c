import type { Case } from './case.ts'
import { POD_CGROUP } from './explanations.ts'

/** What podman does for root alone, or differently. */
export const rootCases: readonly Case[] = [
  {
    name: '-v, shared propagation',
    run: `mkdir v; mount --bind v v; mount --make-shared v; quick -v $PWD/v:/v:rshared busybox grep -c ' /v .* shared:' /proc/self/mountinfo; umount v`,
    prints: '1',
  },
  {
    name: '--userns auto',
    run: `quick --userns auto:size=2000 busybox cat /proc/self/uid_map | tr -s ' '`,
    prints: /^ 0 [3-9]\d{5} 2000$/,
  },
  {
    name: '--userns container:',
    run: `box --uidmap 0:100000:1000 --gidmap 0:100000:1000 busybox sleep 1000; quick --userns container:box busybox cat /proc/self/uid_map | tr -s ' '`,
    prints: ' 0 100000 1000',
  },
  {
    name: '-v with idmap',
    run: `mkdir v; touch v/x; quick --uidmap 0:100000:1000 --gidmap 0:100000:1000 -v $PWD/v:/v:idmap busybox stat -c %u:%g /v/x`,
    prints: '0:0',
  },
  {
    name: '--device with rights',
    run: `quick --device /dev/fuse:/dev/mine:r busybox sh -c ': < /dev/mine && echo read; (: > /dev/mine) 2> /dev/null || echo refused'`,
    prints: 'read\nrefused',
  },
  {
    name: '--device-cgroup-rule',
    run: `quick --device-cgroup-rule 'c 1:5 r' --cap-add mknod busybox sh -c 'mknod /z c 1 5 && head -c 1 /z | wc -c'`,
    prints: /^1$/,
  },
  {
    name: '--privileged',
    needs: ['rights'],
    run: `quick --privileged busybox sh -c 'mount -t tmpfs t /mnt || mount -t tmpfs t /tmp; echo mounted'`,
    prints: 'mounted',
  },
  { name: '--group-add', run: `quick --group-add 1234 busybox id -G`, prints: /\b1234\b/ },
  {
    name: '--cgroup-parent',
    run: `quick --cgroup-parent /mine --cgroupns host busybox grep ^0 /proc/self/cgroup`,
    prints: /^0::\/mine\//,
  },
  {
    name: '--cpuset-cpus',
    needs: ['cpu'],
    run: `quick --cpuset-cpus 0 busybox grep Cpus_allowed_list /proc/self/status`,
    prints: 'Cpus_allowed_list:\t0',
  },
  {
    name: '-p, and the default network',
    run: `podman run -d --name box -p 18080:80 busybox sh -c 'mkdir /www; echo served > /www/x; exec httpd -f -p 80 -h /www' > /dev/null; soon busybox wget -qO- http://127.0.0.1:18080/x; busybox wget -qO- http://127.0.0.1:18080/x`,
    prints: 'served',
  },
  {
    name: 'network create, DNS by name',
    run: `podman network create lan > /dev/null; podman run -d --name box --network lan busybox sh -c 'mkdir /www; echo served > /www/x; exec httpd -f -p 80 -h /www' > /dev/null; sleep 1; podman run --rm --network lan busybox wget -qO- http://box/x; podman rm -f --time 0 box > /dev/null; podman network rm lan > /dev/null`,
    prints: 'served',
  },
  {
    name: 'static address',
    run: `podman network create --subnet 10.89.77.0/24 lan > /dev/null; podman run --rm --network lan --ip 10.89.77.9 busybox ip -4 addr show eth0 | grep -o '10.89.77.9/24'; podman network rm lan > /dev/null`,
    prints: '10.89.77.9/24',
  },
  {
    name: 'pod create, start, stop, rm',
    run: `podman pod create --share-parent=false --network none --name p > /dev/null; podman run -d --pod p --name box busybox sleep 1000 > /dev/null; podman pod inspect -f '{{.State}}' p; podman pod stop -t 0 p > /dev/null; podman pod start p > /dev/null; podman pod inspect -f '{{.State}}' p; podman pod rm -f p > /dev/null; podman ps -aq`,
    prints: 'Running\nRunning',
  },
  {
    name: 'pod: shared namespaces and infra container',
    run: `
      podman pod create --share-parent=false --network none --share net,ipc,uts --hostname podhost --name p > /dev/null
      podman run -d --pod p --name a busybox sleep 1000 > /dev/null; podman run -d --pod p --name b busybox sleep 1000 > /dev/null
      for n in net ipc uts; do for c in a b; do podman exec $c readlink /proc/1/ns/$n; done | uniq | wc -l; done; podman exec a hostname
      podman ps -a --pod --format '{{.Names}} {{.PodName}}' | grep -c ' p$'`,
    prints: '1\n1\n1\npodhost\n3',
  },
  {
    name: 'pod --share pid',
    run: `podman pod create --share-parent=false --network none --share pid --name p > /dev/null; podman run -d --pod p --name box busybox sleep 1000 > /dev/null; podman exec box cat /proc/1/comm`,
    prints: 'catatonit',
  },
  {
    name: 'run --pod new:',
    explained: POD_CGROUP,
    run: `podman run -d --pod new:p --network none --name box busybox sleep 1000 > /dev/null; podman pod inspect -f '{{.NumContainers}}' p`,
    prints: '2',
  },
  {
    name: 'pod pause, unpause, top, restart',
    run: `podman pod create --share-parent=false --network none --name p > /dev/null; podman run -d --pod p --name box busybox sleep 1000 > /dev/null; podman pod pause p > /dev/null; status box; podman pod unpause p > /dev/null; podman pod top p args | grep -c 'sleep 1000'; podman pod restart p > /dev/null; status box`,
    prints: 'paused\n1\nrunning',
    limit: 90,
  },
  {
    name: 'checkpoint, restore',
    needs: ['criu'],
    run: `box busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'; sleep 1; podman container checkpoint box > /dev/null; status box; a=$(podman logs box | tail -1); podman container restore box > /dev/null; status box; soon sh -c "test \\$(podman logs box | tail -1) -gt $a"`,
    prints: 'exited\nrunning',
  },
  {
    name: 'checkpoint --export, restore --import',
    needs: ['criu'],
    run: `box busybox sleep 1000; podman container checkpoint --export c.tgz box > /dev/null; podman rm box > /dev/null; podman container restore --import c.tgz --name again > /dev/null; status again`,
    prints: 'running',
  },
  {
    name: 'checkpoint --leave-running',
    needs: ['criu'],
    run: `box busybox sleep 1000; podman container checkpoint --leave-running box > /dev/null; status box`,
    prints: 'running',
  },
]
