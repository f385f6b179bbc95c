import type { Case } from './case.ts'
import { POD_CGROUP } from './explanations.ts'

const LOOP = `sh -c 'trap "echo stopping; exit 3" TERM; echo started; while :; do sleep 0.05; done'`

/** What podman can do for root and for users. */
export const cases: readonly Case[] = [
  { name: 'run: output and exit code', run: `quick busybox sh -c 'echo hi; exit 7'`, prints: 'hi', status: 7 },
  { name: 'run -i: input', run: 'echo by stdin | quick -i busybox cat', prints: 'by stdin' },
  { name: 'run -t', run: `quick -t busybox tty`, prints: '/dev/pts/0' },
  {
    name: 'run -it in a terminal',
    run: `printf 'exit 9\\n' | terminal 'podman run -it --network none busybox sh'`,
    status: 9,
  },
  { name: 'run: no such program', run: 'quick busybox nonsense', status: 127 },
  { name: 'run: not executable', run: 'quick busybox /etc/passwd', status: 126 },
  {
    name: 'run -d, logs, wait',
    run: `box busybox sh -c 'echo hi; exit 5'; podman wait box; podman logs box`,
    prints: '5\nhi',
  },
  {
    name: 'logs -f',
    run: `box busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'; podman logs -f box`,
    prints: '1\n2\n3',
  },
  {
    name: 'create, start -a',
    run: `podman create --name box busybox echo hi > /dev/null; podman start -a box`,
    prints: 'hi',
  },
  {
    name: 'attach',
    run: `box busybox sh -c 'while ! test -e /go; do sleep 0.1; done; echo attached; exit 4'; (sleep 1; podman exec -d box touch /go > /dev/null) & podman attach box || :`,
    prints: /^attached\n?$/,
  },
  {
    name: 'exec',
    run: `box busybox ${LOOP}; podman exec -u alice -w /usr -e A=b box sh -c 'id -un; pwd; echo $A; exit 7'`,
    prints: 'alice\n/usr\nb',
    status: 7,
  },
  { name: 'exec -i', run: `box busybox ${LOOP}; echo by stdin | podman exec -i box cat`, prints: 'by stdin' },
  { name: 'exec -it', run: `box busybox ${LOOP}; terminal 'podman exec -it box tty'`, prints: /\/dev\/pts\/\d/ },
  {
    name: 'exec -d',
    run: `box busybox ${LOOP}; podman exec -d box touch /made > /dev/null; soon podman exec box test -e /made`,
  },
  {
    name: 'exec: no such program, not executable',
    run: `box busybox ${LOOP}; podman exec box nonsense || echo $?; podman exec box /etc/passwd || echo $?`,
    prints: '127\n126',
  },
  {
    name: 'exec --privileged',
    run: `box --cap-drop all busybox ${LOOP}; podman exec box grep CapEff /proc/self/status; podman exec --privileged box grep CapEff /proc/self/status | grep -vc '\\t0000000000000000'`,
    prints: 'CapEff:\t0000000000000000\n1',
  },
  {
    name: 'stop',
    run: `box busybox ${LOOP}; soon said started; podman stop box > /dev/null; podman wait box; podman logs box`,
    prints: '3\nstarted\nstopping',
  },
  {
    name: 'stop of a deaf program',
    run: `box busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done'; podman stop --time 1 box > /dev/null 2>&1; podman wait box`,
    prints: '137',
  },
  {
    name: 'kill',
    run: `box busybox ${LOOP}; soon said started; podman kill --signal TERM box > /dev/null; podman wait box`,
    prints: '3',
  },
  {
    name: 'restart',
    run: `box busybox ${LOOP}; soon said started; podman restart box > /dev/null; status box; podman logs box | grep -c started`,
    prints: 'running\n2',
  },
  {
    name: '--restart on-failure',
    run: `podman run --name box --network none --restart on-failure:2 busybox sh -c 'echo try; exit 1' || :; sleep 2; podman logs box`,
    prints: /^try(\ntry){2,3}$/,
  },
  {
    name: 'pause, unpause',
    run: `box busybox ${LOOP}; podman pause box > /dev/null; status box; podman exec box true || echo refused; podman unpause box > /dev/null; status box`,
    prints: 'paused\nrefused\nrunning',
  },
  {
    name: 'rm -f of a paused container',
    run: `box busybox ${LOOP}; podman pause box > /dev/null; podman rm -f --time 0 box > /dev/null; podman ps -aq`,
    prints: '',
  },
  { name: 'top', run: `box busybox sleep 1000; podman top box args`, prints: /^COMMAND *\nsleep 1000 *$/ },
  {
    name: 'top with options of ps',
    run: `box busybox sleep 1000; podman top box -o pid,comm | grep sleep`,
    prints: /^\s*\d+\s+sleep$/,
  },
  {
    name: 'stats',
    run: `box busybox sleep 1000; podman stats --no-stream --format '{{.Name}} {{.PIDS}}' box`,
    prints: /^box \d+$/,
  },
  {
    name: 'ps, inspect',
    run: `box busybox sleep 1000; podman ps --format '{{.Names}} {{.Status}}' | cut -d' ' -f1,2; kill -0 $(podman inspect -f '{{.State.Pid}}' box)`,
    prints: 'box Up',
  },
  {
    name: 'update --memory',
    needs: ['memory'],
    run: `box busybox sleep 1000; podman update --memory 64m box > /dev/null; podman exec box cat /sys/fs/cgroup/memory.max`,
    prints: '67108864',
  },
  {
    name: 'update --cpus',
    needs: ['cpu'],
    run: `box busybox sleep 1000; podman update --cpus 0.5 box > /dev/null; podman exec box cat /sys/fs/cgroup/cpu.max`,
    prints: '50000 100000',
  },
  {
    name: 'run --memory',
    needs: ['memory'],
    run: `quick --memory 64m busybox cat /sys/fs/cgroup/memory.max`,
    prints: '67108864',
  },
  {
    name: 'run --cpus --cpu-shares',
    needs: ['cpu'],
    run: `quick --cpus 0.5 --cpu-shares 512 busybox cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.weight`,
    prints: /^50000 100000\n\d+$/,
  },
  {
    name: 'run --pids-limit',
    needs: ['pids'],
    run: `quick --pids-limit 20 busybox cat /sys/fs/cgroup/pids.max`,
    prints: '20',
  },
  {
    name: 'container clone',
    run: `podman create --name box --env A=b busybox sh -c 'echo $A' > /dev/null; podman container clone box copy > /dev/null; podman start -a copy`,
    prints: 'b',
  },
  { name: '--init', run: `quick --init busybox cat /proc/1/comm`, prints: /^(catatonit|podman-init|tini)$/ },
  {
    name: 'healthcheck',
    run: `box --health-cmd 'test -e /ok' --health-interval disable busybox sleep 1000; podman healthcheck run box > /dev/null || echo sick; podman exec box touch /ok; podman healthcheck run box && echo well`,
    prints: /^sick\n(healthy\n)?well$/,
  },
  {
    name: '--pid host',
    run: `quick --pid host busybox readlink /proc/self/ns/pid > a; readlink /proc/self/ns/pid >> a; uniq a | wc -l`,
    prints: '1',
  },
  {
    name: '--pid container:',
    run: `box busybox sleep 1000; quick --pid container:box busybox cat /proc/1/comm`,
    prints: 'sleep',
  },
  {
    name: '--ipc container:',
    run: `box --ipc shareable busybox sh -c 'echo shared > /dev/shm/x; sleep 1000'; sleep 0.5; quick --ipc container:box busybox sh -c 'cat /dev/shm/x; readlink /proc/self/ns/ipc' > a; podman exec box readlink /proc/1/ns/ipc >> a; sed 1q a; tail -2 a | uniq | wc -l`,
    prints: 'shared\n1',
  },
  {
    name: '--ipc host, none',
    run: `quick --ipc none busybox sh -c 'ls /dev/shm' 2>&1 | grep -c 'No such'`,
    prints: '1',
  },
  {
    name: '--network container:',
    run: `box busybox sleep 1000; podman run --rm --network container:box busybox readlink /proc/self/ns/net > a; podman exec box readlink /proc/1/ns/net >> a; uniq a | wc -l`,
    prints: '1',
  },
  { name: '--uts host', run: `quick --uts host busybox hostname > a; hostname >> a; uniq a | wc -l`, prints: '1' },
  {
    name: '--hostname, --env, --workdir, --user',
    run: `quick --hostname box --env A='b c' --workdir /usr --user alice busybox sh -c 'hostname; echo $A; pwd; id -un'`,
    prints: 'box\nb c\n/usr\nalice',
  },
  { name: '--cgroupns private', run: `quick --cgroupns private busybox grep ^0 /proc/self/cgroup`, prints: '0::/' },
  { name: '--cgroupns host', run: `quick --cgroupns host busybox grep ^0 /proc/self/cgroup`, prints: /^0::\/.+/ },
  { name: '--cgroups=disabled', run: `quick --cgroups=disabled busybox echo hi`, prints: 'hi' },
  {
    name: '--uidmap, --gidmap',
    run: `quick --uidmap 0:10:5 --gidmap 0:20:5 busybox cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '`,
    prints: / 0 10 5\n 0 20 5/,
  },
  {
    name: '--device',
    run: `quick --device /dev/null:/dev/mine busybox sh -c 'test -c /dev/mine && echo x > /dev/mine && echo written'`,
    prints: 'written',
  },
  {
    name: '--sysctl',
    run: `quick --sysctl net.ipv4.ip_unprivileged_port_start=80 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start`,
    prints: '80',
  },
  {
    name: '--ulimit',
    run: `quick --ulimit nofile=100:200 --ulimit nproc=900:900 busybox sh -c 'ulimit -n; ulimit -Hn'`,
    prints: '100\n200',
  },
  {
    name: '--security-opt no-new-privileges',
    run: `quick --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status`,
    prints: 'NoNewPrivs:\t1',
  },
  {
    name: '--security-opt seccomp',
    run: `quick busybox grep Seccomp: /proc/self/status; quick --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status`,
    prints: 'Seccomp:\t2\nSeccomp:\t0',
  },
  {
    name: '--security-opt seccomp=PROFILE',
    run: `echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' > p; quick --security-opt seccomp=p busybox mkdir /x`,
    status: 1,
    says: /not supported/,
  },
  {
    name: '--security-opt mask, unmask',
    run: `quick --security-opt mask=/proc/uptime busybox wc -c /proc/uptime; quick --security-opt unmask=ALL busybox grep -c ' /proc/keys ' /proc/mounts`,
    prints: '0 /proc/uptime\n0',
    status: 1,
  },
  {
    name: '--security-opt proc-opts',
    run: `quick --security-opt proc-opts=hidepid=2 busybox grep -c '^proc /proc proc .*hidepid=\\(2\\|invisible\\)' /proc/mounts`,
    prints: '1',
  },
  {
    name: '--cap-drop, --cap-add',
    run: `quick --cap-drop all --cap-add kill busybox grep CapEff /proc/self/status`,
    prints: 'CapEff:\t0000000000000020',
  },
  { name: '--tz', run: `quick --tz Asia/Tokyo busybox date +%Z`, prints: 'JST' },
  { name: '--umask', run: `quick --umask 027 busybox sh -c umask`, prints: '0027' },
  {
    name: '--read-only',
    run: `quick --read-only busybox sh -c 'touch /x 2> /dev/null || echo refused; touch /tmp/x && echo written'`,
    prints: 'refused\nwritten',
  },
  {
    name: '--tmpfs',
    run: `quick --tmpfs /scratch:size=1m,mode=700 busybox grep ' /scratch ' /proc/mounts`,
    prints: /^tmpfs \/scratch tmpfs .*size=1024k.*mode=700/,
  },
  {
    name: '-v',
    run: `mkdir v; echo host > v/x; chmod 777 v; quick -v $PWD/v:/v:ro busybox sh -c 'cat /v/x; touch /v/y 2> /dev/null || echo refused'`,
    prints: 'host\nrefused',
  },
  {
    name: '-v with U',
    run: `mkdir v; chmod 700 v; quick --user 1000 -v $PWD/v:/v:U busybox sh -c 'touch /v/x && stat -c %u /v/x'`,
    prints: '1000',
  },
  {
    name: 'named volumes',
    run: `quick -v data:/data busybox sh -c 'echo kept > /data/x'; quick -v data:/data busybox cat /data/x`,
    prints: 'kept',
  },
  {
    name: 'a volume takes over what the image has',
    run: `quick -v data:/etc busybox grep -c alice /etc/passwd`,
    prints: '1',
  },
  {
    name: '--mount type=bind',
    run: `mkdir v; echo host > v/x; quick --mount type=bind,src=$PWD/v,dst=/v,ro busybox cat /v/x`,
    prints: 'host',
  },
  {
    name: '--mount type=tmpfs',
    run: `quick --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox grep -c '^tmpfs /t .*size=1024k' /proc/mounts`,
    prints: '1',
  },
  {
    name: '--mount type=volume',
    run: `quick --mount type=volume,src=data,dst=/v busybox sh -c 'touch /v/x; ls /v'`,
    prints: 'x',
  },
  {
    name: '--mount type=devpts',
    run: `quick --mount type=devpts,dst=/pts busybox grep -c '^devpts /pts ' /proc/mounts`,
    prints: '1',
  },
  {
    name: '--mount type=image',
    run: `quick --mount type=image,src=localhost/busybox,dst=/i busybox cat /i/etc/group | head -1`,
    prints: 'root:x:0:',
  },
  {
    name: '-v of an overlay (O)',
    run: `mkdir v; echo host > v/x; quick -v $PWD/v:/v:O busybox sh -c 'echo over >> /v/x; cat /v/x'; cat v/x`,
    prints: 'host\nover\nhost',
  },
  {
    name: '--rootfs',
    run: `cp -r ../image root; quick --rootfs $PWD/root sh -c 'echo made > /made; cat /made'`,
    prints: 'made',
  },
  {
    name: '--rootfs :O',
    run: `cp -r ../image root; quick --rootfs $PWD/root:O sh -c 'echo made > /made; cat /made'; test ! -e root/made`,
    prints: 'made',
  },
  {
    name: '--secret',
    run: `echo quiet | podman secret create s - > /dev/null; quick --secret s busybox cat /run/secrets/s; podman secret rm s > /dev/null`,
    prints: 'quiet',
  },
  {
    name: '--preserve-fds',
    run: `echo by descriptor > x; podman run --rm --network none --preserve-fds 1 busybox cat /proc/self/fd/3 3< x`,
    prints: 'by descriptor',
  },
  {
    name: '--hooks-dir',
    run: `mkdir h; printf '#!/bin/sh\\ncat > %s/work/state' $DIRECTORY > hook; chmod 755 hook; echo '{"version":"1.0.0","hook":{"path":"'$PWD/hook'"},"when":{"always":true},"stages":["prestart"]}' > h/h.json; podman --hooks-dir $PWD/h run --rm --network none busybox true; grep -o '"status": *"[a-z]*"' state | tr -d ' '`,
    prints: /"status":"(created|creating)"/,
  },
  {
    name: '--annotation, --label',
    run: `box --annotation a=b --label c=d busybox sleep 1000; podman inspect -f '{{index .Config.Annotations "a"}} {{index .Config.Labels "c"}}' box`,
    prints: 'b d',
  },
  {
    name: 'cp both ways',
    run: `box busybox sleep 1000; echo in > x; podman cp x box:/tmp/x; podman exec box cat /tmp/x; podman cp box:/etc/group y; head -1 y`,
    prints: 'in\nroot:x:0:',
  },
  {
    name: 'commit, diff',
    run: `podman run --name box --network none busybox touch /made; podman diff box | grep made; podman commit -q box localhost/made > /dev/null; quick localhost/made ls /made; podman rmi -f localhost/made > /dev/null`,
    prints: 'A /made\n/made',
  },
  {
    name: 'export',
    run: `podman create --name box busybox true > /dev/null; podman export box | tar -t | grep -c '^bin/busybox$'`,
    prints: '1',
  },
  {
    name: 'mount, unmount',
    run: `podman create --name box busybox true > /dev/null; podman unshare true 2> /dev/null && podman unshare sh -c 'cat $(podman mount box)/etc/group' || cat $(podman mount box)/etc/group`,
    prints: /^root:x:0:/,
  },
  {
    name: 'rename, exists',
    run: `box busybox sleep 1000; podman rename box other; podman container exists other; podman exec other echo hi`,
    prints: 'hi',
  },
  {
    name: 'unit: cidfile, conmon outside, sdnotify, stop, rm',
    run: `
      socat -u UNIX-RECV:$PWD/n,mode=777 OPEN:notes,creat & notify=$!; sleep 0.5
      NOTIFY_SOCKET=$PWD/n podman run --cidfile=$PWD/cid --cgroups=no-conmon --rm --sdnotify=conmon -d --replace --name web --network none busybox ${LOOP} > /dev/null
      soon grep -q READY=1 notes; grep -aoE 'READY=1' notes; kill $notify
      podman stop --ignore --cidfile=$PWD/cid > /dev/null; podman rm -f --ignore --cidfile=$PWD/cid > /dev/null; podman ps -aq`,
    prints: 'READY=1',
  },
  {
    name: 'generate systemd',
    run: `podman create --name web busybox sleep 1000 > /dev/null; podman generate systemd --new web | grep -c 'ExecStart=/usr/bin/podman run'`,
    prints: '1',
  },
  {
    name: 'generate kube, play kube',
    explained: POD_CGROUP,
    run: `podman create --name web busybox sleep 1000 > /dev/null; podman generate kube web > k.yaml; podman rm web > /dev/null; podman play kube --network none k.yaml > /dev/null; status web-pod-web 2> /dev/null || podman ps --format '{{.Status}}' | grep -c Up`,
    prints: /^(running|[12])$/,
  },
]
