import type { Case } from './case.ts'

export const cases: readonly Case[] = [
  {
    name: 'two nodes',
    run: `docker node ls --format '{{.Hostname}} {{.Status}}' | sort; on two docker info -f '{{.DefaultRuntime}}'`,
    prints: 'one Ready\ntwo Ready\ntested',
  },
  {
    name: 'service create: replicas on both nodes',
    run: 'serve --replicas 4; soon replicas 4/4; soon count one 2; soon count two 2',
  },
  {
    name: 'their runtime',
    run: `serve --replicas 2; soon replicas 2/2; on two docker inspect -f '{{.HostConfig.Runtime}}' $(containers two)`,
    prints: 'tested',
  },
  {
    name: 'service scale, up and down',
    run: 'serve --replicas 2; soon replicas 2/2; docker service scale -d web=6; soon replicas 6/6; docker service scale -d web=1; soon replicas 1/1',
    prints: /web scaled to 6/,
    limit: 120,
  },
  {
    name: 'service create --mode global',
    run: 'serve --mode global; soon replicas 2/2; count one 1; count two 1',
  },
  {
    name: 'service logs',
    run: `serve --mode global --hostname '{{.Node.Hostname}}'; soon replicas 2/2; docker service logs --raw web 2>&1 | sort`,
    prints: 'on one\non two',
  },
  {
    name: 'exec in a task',
    run: `serve --replicas 2 --env A=b; soon replicas 2/2; on two docker exec $(containers two) sh -c 'echo $A; exit 7'`,
    prints: 'b',
    status: 7,
  },
  {
    name: 'a task that ends is made anew',
    run: `serve --replicas 1 --constraint node.hostname==two --restart-delay 100ms; soon replicas 1/1; old=$(containers two)
      on two docker kill $old > /dev/null; soon replicas 1/1; soon count two 1; test "$(containers two)" != "$old"`,
  },
  {
    name: 'a program that is not there',
    run: `docker service create -d -q --no-resolve-image --name web --restart-condition none busybox nonsense > /dev/null
      soon sh -c 'docker service ps web --format {{.Error}} --no-trunc | grep nonsense'; docker service ps web --format '{{.CurrentState}}'`,
    prints: /^(Failed|Rejected) /,
  },
  {
    name: 'rolling update',
    run: `serve --replicas 4 --update-delay 100ms --update-parallelism 1; soon replicas 4/4
      docker service update -d -q --env-add COLOR=blue --no-resolve-image web > /dev/null; soon updated completed; soon replicas 4/4
      for node in one two; do for id in $(containers $node); do on $node docker exec $id sh -c 'echo $COLOR'; done; done`,
    prints: 'blue\nblue\nblue\nblue',
    limit: 120,
  },
  {
    name: 'rolling update, the new before the old',
    run: `serve --replicas 2 --update-order start-first; soon replicas 2/2
      docker service update -d -q --env-add COLOR=blue --no-resolve-image web > /dev/null; soon updated completed; soon replicas 2/2
      for node in one two; do for id in $(containers $node); do on $node docker exec $id sh -c 'echo $COLOR'; done; done`,
    prints: 'blue\nblue',
    limit: 120,
  },
  {
    name: 'an update that fails is rolled back',
    run: `serve --replicas 2 --update-failure-action rollback --update-monitor 3s; soon replicas 2/2
      docker service update -d -q --no-resolve-image --entrypoint nonsense web > /dev/null; soon updated rollback_completed; soon replicas 2/2`,
    limit: 120,
  },
  {
    name: 'configs and secrets',
    run: `echo word | docker secret create word - > /dev/null; echo line | docker config create line - > /dev/null
      serve --replicas 1 --constraint node.hostname==two --secret word --config src=line,target=/line; soon replicas 1/1
      on two docker exec $(containers two) cat /run/secrets/word /line
      docker service rm web > /dev/null; soon docker secret rm word > /dev/null; soon docker config rm line > /dev/null`,
    prints: 'word\nline',
  },
  {
    name: 'mounts, user, capabilities, sysctl, ulimit',
    run: `serve --replicas 1 --constraint node.hostname==two --mount type=tmpfs,target=/t --mount type=volume,source=shelf,target=/v --read-only \\
        --user 5 --cap-drop ALL --sysctl net.ipv4.ip_unprivileged_port_start=7 --ulimit nofile=99; soon replicas 1/1
      on two docker exec $(containers two) sh -c 'id -u; grep CapEff /proc/self/status; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ulimit -n; mount | grep -c -e "on /t " -e "on /v "; touch /x 2> /dev/null || echo no'`,
    prints: '5\nCapEff:\t0000000000000000\n7\n99\n2\nno',
  },
  {
    name: 'limits',
    needs: ['memory', 'cpu', 'pids'],
    run: `serve --replicas 1 --constraint node.hostname==two --limit-memory 64M --limit-cpu 0.5 --limit-pids 99; soon replicas 1/1
      on two docker exec $(containers two) sh -c 'cd /sys/fs/cgroup; cat memory.max cpu.max pids.max'`,
    prints: '67108864\n50000 100000\n99',
  },
  {
    name: 'healthcheck: one that fails makes the task anew',
    run: `serve --replicas 1 --constraint node.hostname==two --health-cmd 'test ! -e /ill' --health-interval 300ms --health-retries 1 --restart-delay 100ms
      soon replicas 1/1; old=$(containers two); on two docker exec $old touch /ill; soon sh -c "! docker -H unix://$DIRECTORY/two.sock ps -q --no-trunc | grep -q ^$old"
      soon replicas 1/1; soon count two 1`,
    limit: 120,
  },
  {
    name: 'node update --availability drain, active',
    run: 'serve --replicas 4; soon count two 2; docker node update --availability drain two > /dev/null; soon count two 0; soon count one 4; soon replicas 4/4',
    limit: 120,
  },
  {
    name: 'overlay network: tasks on two nodes by name',
    run: `docker network create -d overlay --attachable span > /dev/null
      docker service create -d -q --no-resolve-image --name web --network span --endpoint-mode dnsrr --constraint node.hostname==two busybox \\
        sh -c 'mkdir /www; echo served > /www/x; exec httpd -f -p 80 -h /www' > /dev/null
      soon replicas 1/1; docker run -d --name box --network span busybox sleep 1000 > /dev/null
      soon docker exec box wget -q -O /x http://web/x; docker exec box cat /x; docker rm -f box > /dev/null`,
    prints: 'served',
  },
  {
    name: 'a node is killed: its tasks move; and comes back',
    run: `serve --replicas 4; soon count one 2; soon count two 2; unplug
      soon state two Down; soon count one 4
      plug; soon state two Ready; soon count two 0; docker service update -d -q --force web > /dev/null; soon count two 2; soon replicas 4/4`,
    limit: 180,
  },
]
