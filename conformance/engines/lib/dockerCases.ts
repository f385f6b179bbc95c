import type { Case } from './case.ts'

const LOOP = `sh -c 'trap "echo stopping; exit 3" TERM; echo started; while :; do sleep 0.05; done'`

const HTTPD = `sh -c 'mkdir /www; echo served > /www/x; exec httpd -f -p 80 -h /www'`

const STATUS = `grep -E '^(Seccomp|CapEff|NoNewPrivs):' /proc/self/status`

export const cases: readonly Case[] = [
  { name: 'run: output and exit code', run: `quick busybox sh -c 'echo hi; exit 7'`, prints: 'hi', status: 7 },
  { name: 'run -i: input', run: 'echo by stdin | quick -i busybox cat', prints: 'by stdin' },
  { name: 'run -t', run: `terminal 'docker run --rm --network none -t busybox tty'`, prints: /\/dev\/pts\/0\s*$/ },
  {
    name: 'run -it in a terminal',
    run: `printf 'exit 9\\n' | terminal 'docker run --rm -it --network none busybox sh'`,
    status: 9,
  },
  { name: 'run: no such program', run: 'quick busybox nonsense', status: 127 },
  { name: 'run: not executable', run: 'quick busybox /etc/passwd', status: 126 },
  {
    name: 'run -d, logs, wait',
    run: `box busybox sh -c 'echo hi; exit 5'; docker wait box; docker logs box`,
    prints: '5\nhi',
  },
  {
    name: 'logs -f',
    run: `box busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'; docker logs -f box`,
    prints: '1\n2\n3',
  },
  {
    name: 'create, start -a',
    run: `docker create --name box busybox echo hi > /dev/null; docker start -a box`,
    prints: 'hi',
  },
  {
    name: 'attach',
    run: `box busybox sh -c 'while ! test -e /go; do sleep 0.1; done; echo attached; exit 4'; (sleep 1; docker exec -d box touch /go) & docker attach box`,
    prints: 'attached',
    status: 4,
  },
  {
    name: 'exec',
    run: `box busybox ${LOOP}; docker exec -u alice -w /usr -e A=b box sh -c 'id -un; pwd; echo $A; exit 7'`,
    prints: 'alice\n/usr\nb',
    status: 7,
  },
  { name: 'exec -i', run: `box busybox ${LOOP}; echo by stdin | docker exec -i box cat`, prints: 'by stdin' },
  { name: 'exec -it', run: `box busybox ${LOOP}; terminal 'docker exec -it box tty'`, prints: /\/dev\/pts\/\d/ },
  { name: 'exec -d', run: `box busybox ${LOOP}; docker exec -d box touch /made; soon docker exec box test -e /made` },
  {
    name: 'exec: no such program, not executable',
    run: `box busybox ${LOOP}; docker exec box nonsense > /dev/null || echo $?; docker exec box /etc/passwd > /dev/null || echo $?`,
    prints: /^12[67]\n126$/, // 127 of docker 28, 126 of docker 20
  },
  {
    name: 'exec --privileged',
    needs: ['rights'],
    run: `box --cap-drop all busybox ${LOOP}; docker exec box grep CapEff /proc/self/status; docker exec --privileged box grep -c 'CapEff.*[1-9a-f]' /proc/self/status`,
    prints: 'CapEff:\t0000000000000000\n1',
  },
  {
    name: 'stop',
    run: `box busybox ${LOOP}; soon said started; docker stop box > /dev/null; docker wait box; docker logs box`,
    prints: '3\nstarted\nstopping',
  },
  {
    name: 'stop of a deaf program',
    run: `box busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done'; docker stop --time 1 box > /dev/null; docker wait box`,
    prints: '137',
  },
  {
    name: '--stop-signal',
    run: `box --stop-signal USR1 busybox sh -c 'trap "exit 6" USR1; echo started; while :; do sleep 0.05; done'; soon said started; docker stop box > /dev/null; docker wait box`,
    prints: '6',
  },
  {
    name: 'kill',
    run: `box busybox ${LOOP}; soon said started; docker kill --signal TERM box > /dev/null; docker wait box`,
    prints: '3',
  },
  {
    name: 'restart',
    run: `box busybox ${LOOP}; soon said started; docker restart box > /dev/null; status box; docker logs box | grep -c started`,
    prints: /^running\n[12]$/,
  },
  {
    name: '--restart on-failure',
    run: `box --restart on-failure:2 busybox sh -c 'echo try; exit 1'; sleep 2; docker wait box; docker logs box; docker inspect -f '{{.RestartCount}}' box`,
    prints: '1\ntry\ntry\ntry\n2',
  },
  {
    name: '--restart always',
    run: `box --restart always busybox sh -c 'echo try; sleep 0.5; exit 0'; sleep 3; test "$(docker logs box | wc -l)" -ge 2; docker rm -f box > /dev/null`,
  },
  {
    name: 'pause, unpause',
    run: `box busybox ${LOOP}; docker pause box > /dev/null; status box; docker exec box true 2> /dev/null || echo refused; docker unpause box > /dev/null; status box`,
    prints: 'paused\nrefused\nrunning',
  },
  {
    name: 'rm -f of a paused container',
    run: `box busybox ${LOOP}; docker pause box > /dev/null; docker rm -f box > /dev/null; docker ps -aq`,
    prints: '',
  },
  { name: 'top', run: `box busybox sleep 1000; docker top box -o pid,args | tail -1`, prints: /^\d+ +sleep 1000$/ },
  { name: 'stats', run: `box busybox sleep 1000; docker stats --no-stream --format '{{.Name}}' box`, prints: 'box' },
  {
    name: 'update --memory',
    needs: ['memory'],
    run: `box busybox sleep 1000; docker update --memory 64m --memory-swap 64m box > /dev/null; docker exec box cat /sys/fs/cgroup/memory.max`,
    prints: '67108864',
  },
  {
    name: 'update --restart',
    run: `box busybox sleep 1000; docker update --restart no box; docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' box`,
    prints: 'box\nno',
  },
  {
    name: 'run --memory',
    needs: ['memory'],
    run: `quick --memory 64m busybox cat /sys/fs/cgroup/memory.max`,
    prints: '67108864',
  },
  {
    name: 'run --cpus',
    needs: ['cpu'],
    run: `quick --cpus 0.5 busybox cat /sys/fs/cgroup/cpu.max`,
    prints: '50000 100000',
  },
  {
    name: 'run --pids-limit',
    needs: ['pids'],
    run: `quick --pids-limit 20 busybox cat /sys/fs/cgroup/pids.max`,
    prints: '20',
  },
  {
    name: 'the out of memory killer is noticed',
    needs: ['memory'],
    run: `docker run --name box --network none --memory 32m --memory-swap 32m busybox sh -c 'head -c 200m /dev/zero | tail' || echo $?; docker inspect -f '{{.State.OOMKilled}}' box`,
    prints: '137\ntrue',
  },
  { name: '--init', run: `quick --init busybox cat /proc/1/comm`, prints: /^(docker-init|tini)$/ },
  {
    name: 'healthcheck',
    run: `box --health-cmd 'test -e /ok' --health-interval 300ms --health-retries 2 busybox sleep 1000; soon health unhealthy; docker exec box touch /ok; soon health healthy; echo well`,
    prints: 'well',
  },
  {
    name: 'events',
    run: `since=$(date +%s); quick busybox true; docker events --since $since --until $(($(date +%s) + 1)) --format '{{.Type}} {{.Action}}' | grep container`,
    prints: /container create\n(.*\n)*container start\n(.*\n)*container die/,
  },
  {
    name: 'cp both ways',
    run: `box busybox sleep 1000; echo in > x; docker cp x box:/tmp/x; docker exec box cat /tmp/x; docker cp box:/etc/group y; head -1 y`,
    prints: 'in\nroot:x:0:',
  },
  {
    name: 'commit, diff',
    run: `docker run --name box --network none busybox touch /made; docker diff box | grep made; docker commit box made > /dev/null; quick made ls /made; docker rm box > /dev/null; docker rmi made > /dev/null`,
    prints: 'A /made\n/made',
  },
  {
    name: 'export, rename',
    run: `docker create --name box busybox true > /dev/null; docker rename box other; docker export other | tar -t | grep -c '^bin/busybox$'`,
    prints: '1',
  },
  {
    name: 'build, the classic builder',
    run: `printf 'FROM busybox\\nRUN echo built > /made && id -u > /who && chmod 777 /tmp\\nUSER alice\\nRUN id -un > /tmp/who\\nCMD cat /made /who /tmp/who\\n' > Dockerfile; DOCKER_BUILDKIT=0 docker build -q -t made . > /dev/null; quick made`,
    prints: 'built\n0\nalice',
    limit: 120,
  },
  {
    name: 'build, BuildKit',
    run: `printf 'FROM busybox\\nRUN --mount=type=cache,target=/c echo built > /made && id -u > /who && chmod 777 /tmp\\nUSER alice\\nRUN id -un > /tmp/who\\nCMD cat /made /who /tmp/who\\n' > Dockerfile; DOCKER_BUILDKIT=1 docker build --no-cache -q --network none -t made2 . > /dev/null; quick made2`,
    prints: 'built\n0\nalice',
    limit: 120,
  },
  {
    name: 'build FROM scratch',
    run: `cp ../image/bin/busybox .; printf 'FROM scratch\\nCOPY busybox /bin/busybox\\nRUN ["/bin/busybox","mkdir","/made"]\\nCMD ["/bin/busybox","ls","/"]\\n' > Dockerfile; DOCKER_BUILDKIT=0 docker build -q -t scratch . > /dev/null; quick scratch | grep made`,
    prints: 'made',
    limit: 120,
  },
  {
    name: '-p, and the default network',
    run: `docker run -d --name box -p 18081:80 busybox ${HTTPD} > /dev/null; soon busybox wget -qO- http://127.0.0.1:18081/x; busybox wget -qO- http://127.0.0.1:18081/x`,
    prints: 'served',
  },
  {
    name: 'network create, DNS by name',
    run: `docker network create lan > /dev/null; docker run -d --name box --network lan busybox ${HTTPD} > /dev/null; sleep 1; docker run --rm --network lan busybox wget -qO- http://box/x; docker rm -f box > /dev/null; docker network rm lan > /dev/null`,
    prints: 'served',
  },
  {
    name: 'network connect, disconnect',
    run: `docker network create lan > /dev/null; docker run -d --name box busybox sleep 1000 > /dev/null; docker network connect lan box; docker exec box ip -o link | grep -c eth; docker network disconnect lan box; docker exec box ip -o link | grep -c eth; docker rm -f box > /dev/null; docker network rm lan > /dev/null`,
    prints: '2\n1',
  },
  {
    name: '--network host',
    run: `docker run --rm --network host busybox readlink /proc/self/ns/net > a; readlink /proc/self/ns/net >> a; uniq a | wc -l`,
    prints: '1',
  },
  {
    name: '--network container:',
    run: `docker run -d --name box busybox sleep 1000 > /dev/null; docker run --rm --network container:box busybox readlink /proc/self/ns/net > a; docker exec box readlink /proc/1/ns/net >> a; uniq a | wc -l`,
    prints: '1',
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
    run: `box --ipc shareable busybox sh -c 'echo shared > /dev/shm/x; sleep 1000'; sleep 0.5; quick --ipc container:box busybox cat /dev/shm/x`,
    prints: 'shared',
  },
  { name: '--shm-size', run: `quick --shm-size 8m busybox grep ' /dev/shm ' /proc/mounts`, prints: /size=8192k/ },
  { name: '--uts host', run: `quick --uts host busybox hostname > a; hostname >> a; uniq a | wc -l`, prints: '1' },
  {
    name: '--hostname, --env, --workdir, --user',
    run: `quick --hostname box --env A='b c' --workdir /usr --user alice busybox sh -c 'hostname; echo $A; pwd; id -un'`,
    prints: 'box\nb c\n/usr\nalice',
  },
  {
    name: '--cgroupns private, host',
    run: `quick --cgroupns private busybox grep ^0 /proc/self/cgroup; quick --cgroupns host busybox grep -c '^0::/.*[0-9a-f]\\{64\\}' /proc/self/cgroup`,
    prints: '0::/\n1',
  },
  {
    name: '--cgroup-parent',
    run: `quick --cgroup-parent /mine --cgroupns host busybox grep ^0 /proc/self/cgroup`,
    prints: /^0::\/mine\//,
  },
  {
    name: '-v',
    run: `mkdir v; echo host > v/x; quick -v $PWD/v:/v:ro busybox sh -c 'cat /v/x; touch /v/y 2> /dev/null || echo refused'`,
    prints: 'host\nrefused',
  },
  {
    name: 'named volumes',
    run: `quick -v data:/data busybox sh -c 'echo kept > /data/x'; quick -v data:/data busybox cat /data/x`,
    prints: 'kept',
  },
  {
    name: 'a volume takes over what the image has',
    run: `quick -v data2:/etc busybox grep -c alice /etc/passwd`,
    prints: '1',
  },
  {
    name: '--volumes-from',
    run: `box -v data3:/data busybox sh -c 'echo kept > /data/x; sleep 1000'; sleep 0.5; quick --volumes-from box busybox cat /data/x`,
    prints: 'kept',
  },
  {
    name: '--mount: bind, tmpfs, volume',
    run: `mkdir v; echo host > v/x; quick --mount type=bind,src=$PWD/v,dst=/v,readonly --mount type=tmpfs,dst=/t,tmpfs-size=1048576 --mount type=volume,src=data4,dst=/d busybox sh -c 'cat /v/x; grep -c "^tmpfs /t .*size=1024k" /proc/mounts; touch /d/x; ls /d'`,
    prints: 'host\n1\nx',
  },
  {
    name: '--mount, shared propagation',
    run: `mkdir v; mount --bind v v; mount --make-shared v; quick --mount type=bind,src=$PWD/v,dst=/v,bind-propagation=rshared busybox grep -c ' /v .* shared:' /proc/self/mountinfo; umount v`,
    prints: '1',
  },
  {
    name: '--tmpfs',
    run: `quick --tmpfs /scratch:size=1m,mode=700 busybox grep ' /scratch ' /proc/mounts`,
    prints: /^tmpfs \/scratch tmpfs .*size=1024k.*mode=700/,
  },
  {
    name: '--read-only',
    run: `quick --read-only --tmpfs /tmp busybox sh -c 'touch /x 2> /dev/null || echo refused; touch /tmp/x && echo written'`,
    prints: 'refused\nwritten',
  },
  { name: '--ulimit', run: `quick --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'`, prints: '100\n200' },
  {
    name: '--cap-drop, --cap-add',
    run: `quick --cap-drop all --cap-add kill busybox grep CapEff /proc/self/status`,
    prints: 'CapEff:\t0000000000000020',
  },
  {
    name: 'the default capabilities and seccomp profile',
    run: `quick busybox ${STATUS}`,
    prints: 'CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2',
  },
  {
    name: 'the default seccomp profile refuses',
    run: `quick busybox unshare -U true`,
    status: 1,
    says: /not permitted/,
  },
  {
    name: '--security-opt seccomp=unconfined, no-new-privileges',
    run: `quick --security-opt seccomp=unconfined --security-opt no-new-privileges busybox ${STATUS} | tail -2`,
    prints: 'NoNewPrivs:\t1\nSeccomp:\t0',
  },
  {
    name: '--security-opt seccomp=PROFILE',
    run: `echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' > p; quick --security-opt seccomp=p busybox mkdir /x`,
    status: 1,
    says: /not supported/,
  },
  {
    name: '--security-opt systempaths=unconfined',
    run: `quick busybox grep -c ' /proc/keys ' /proc/mounts; quick --security-opt systempaths=unconfined busybox grep -c ' /proc/keys ' /proc/mounts`,
    prints: '1\n0',
    status: 1,
  },
  {
    name: '--privileged',
    needs: ['rights'],
    run: `quick --privileged busybox sh -c 'mount -t tmpfs t /tmp; echo mounted'`,
    prints: 'mounted',
  },
  {
    name: '--device',
    run: `quick --device /dev/fuse:/dev/mine:r busybox sh -c ': < /dev/mine && echo read; (: > /dev/mine) 2> /dev/null || echo refused'`,
    prints: 'read\nrefused',
  },
  {
    name: '--device-cgroup-rule',
    run: `quick --device-cgroup-rule 'c 10:229 r' busybox sh -c 'mknod /z c 10 229; : < /z && echo read; (: > /z) 2> /dev/null || echo refused'`,
    prints: 'read\nrefused',
  },
  {
    name: '--sysctl',
    run: `quick --sysctl net.ipv4.ip_unprivileged_port_start=80 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start`,
    prints: '80',
  },
  { name: '--group-add', run: `quick --group-add 1234 busybox id -G`, prints: /\b1234\b/ },
  { name: '--oom-score-adj', run: `quick --oom-score-adj 500 busybox cat /proc/self/oom_score_adj`, prints: '500' },
  {
    name: 'user namespaces: --userns-remap',
    run: `
      sed "s,/run/d,/run/r,g; s,$DIRECTORY/data,$PWD/data,; s/\\"bip\\":[^,}]*/\\"bridge\\": \\"none\\", \\"iptables\\": false, \\"userns-remap\\": \\"remapped\\"/" ../daemon.json > r.json
      dockerd --config-file r.json -H unix://$PWD/r.sock > r.log 2>&1 &
      soon docker -H unix://$PWD/r.sock info || { tail -3 r.log; exit 1; }
      remapped() { docker -H unix://$PWD/r.sock "$@"; }
      remapped import ../image.tar busybox > /dev/null
      remapped run --rm --network none busybox sh -c 'cat /proc/self/uid_map; touch /x; stat -c %u /x' | tr -s ' ' || { kill $(cat /run/r.pid); exit 1; }
      kill $(cat /run/r.pid); for i in $(seq 50); do [ -e /run/r.pid ] || break; sleep 0.2; done`,
    prints: ' 0 400000 65536\n0',
    limit: 120,
  },
]
