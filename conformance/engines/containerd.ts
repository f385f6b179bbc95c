// containerd: ctr with the shim for runc, and the plugin for Kubernetes (CRI) with a handler for the runtime, as a
// RuntimeClass names it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Case } from './lib/case.ts'
import { hasController, main } from './lib/engine.ts'
import { makeLayout } from './lib/image.ts'

const IMAGE = 'docker.io/library/busybox:latest'

const LOOP = `sh -c 'trap "echo stopping; exit 3" TERM; echo started; while :; do sleep 0.05; done'`

const ctrCases: readonly Case[] = [
  { name: 'ctr run: output and exit code', run: `quick $IMAGE c1 sh -c 'echo hi; exit 7'`, prints: 'hi', status: 7 },
  {
    name: 'ctr run -t',
    run: `script -qec "ctr run --rm -t $OPTIONS $IMAGE c1 tty" /dev/null`,
    prints: /\/dev\/(pts\/0|console)/,
  },
  { name: 'ctr run: no such program', run: 'quick $IMAGE c1 nonsense', status: 1, says: /nonsense/ },
  {
    name: 'ctr run -d, task ls, task kill, delete',
    run: `box ${LOOP}; ctr task ls | grep -o RUNNING; ctr task kill -s TERM box; soon stopped; ctr task delete box; ctr container delete box`,
    prints: /RUNNING$/,
    says: /exit code 3/,
  },
  {
    name: 'ctr task kill -s KILL',
    run: `box sleep 1000; ctr task kill -s KILL box; soon stopped; ctr task delete box`,
    says: /exit code 137/,
  },
  {
    name: 'ctr task exec --user, --cwd',
    run: `box sleep 1000; ctr task exec --exec-id e1 --user 1000 --cwd /usr box sh -c 'id -u; pwd'`,
    prints: '1000\n/usr',
  },
  {
    name: 'ctr task exec -t',
    run: `box sleep 1000; script -qec "ctr task exec -t --exec-id e1 box tty" /dev/null`,
    prints: /\/dev\/pts\/\d/,
  },
  {
    name: 'ctr task exec: no such program',
    run: `box sleep 1000; ctr task exec --exec-id e1 box nonsense`,
    status: 1,
    says: /nonsense/,
  },
  { name: 'ctr task ps', run: `box sleep 1000; ctr task ps box | wc -l`, prints: '2' },
  {
    name: 'ctr task pause, resume',
    run: `box sleep 1000; ctr task pause box; ctr task ls | grep -o PAUSED; ctr task resume box; ctr task ls | grep -o RUNNING`,
    prints: 'PAUSED\nRUNNING',
  },
  { name: 'ctr task metrics', run: `box sleep 1000; ctr task metrics box | grep -c .`, prints: /^\d+$/ },
  {
    name: 'ctr events',
    run: `timeout 15 ctr events > e & sleep 0.5; quick $IMAGE c1 true; soon grep -q /tasks/delete e; grep -o '/tasks/[a-z]*' e | sort -u | tr '\\n' ' '`,
    prints: /\/tasks\/create .*\/tasks\/exit .*\/tasks\/start/,
  },
  {
    name: 'ctr task checkpoint, run --checkpoint',
    needs: ['criu'],
    run: `box sh -c 'i=0; while :; do i=$((i+1)); echo $i > /n; sleep 0.05; done'; sleep 0.5; ctr container checkpoint --task --rw box saved > /dev/null; ctr images ls -q | grep -c saved`,
    prints: '1',
  },
  {
    name: 'ctr run --env, --cwd',
    run: `quick --env A=b --cwd /usr $IMAGE c1 sh -c 'echo $A; pwd'`,
    prints: 'b\n/usr',
  },
  {
    name: 'ctr run --mount',
    run: `mkdir v; echo host > v/x; quick --mount type=bind,src=$PWD/v,dst=/v,options=rbind:ro $IMAGE c1 sh -c 'cat /v/x; touch /v/y 2> /dev/null || echo refused'`,
    prints: 'host\nrefused',
  },
  {
    name: 'ctr run --read-only',
    run: `quick --read-only $IMAGE c1 sh -c 'touch /x 2> /dev/null || echo refused'`,
    prints: 'refused',
  },
  {
    name: 'ctr run --net-host',
    run: `quick --net-host $IMAGE c1 readlink /proc/self/ns/net > a; readlink /proc/self/ns/net >> a; uniq a | wc -l`,
    prints: '1',
  },
  {
    name: 'ctr run --with-ns',
    run: `box sleep 1000; pid=$(ctr task ls | grep box | tr -s ' ' | cut -d' ' -f2); quick --with-ns network:/proc/$pid/ns/net $IMAGE c1 readlink /proc/self/ns/net > a; readlink /proc/$pid/ns/net >> a; uniq a | wc -l`,
    prints: '1',
  },
  {
    name: 'ctr run --seccomp',
    run: `quick --seccomp $IMAGE c1 grep Seccomp: /proc/self/status`,
    prints: 'Seccomp:\t2',
  },
  {
    name: 'ctr run --cap-add, --allow-new-privs',
    run: `quick --cap-add CAP_SYS_PTRACE --allow-new-privs $IMAGE c1 grep -E '^(NoNewPrivs|CapEff)' /proc/self/status`,
    prints: /CapEff:\t0*\w*\nNoNewPrivs:\t0/,
  },
  {
    name: 'ctr run --device',
    run: `quick --device /dev/fuse $IMAGE c1 sh -c 'test -c /dev/fuse && echo there'`,
    prints: 'there',
  },
  { name: 'ctr run --cgroup', run: `quick --cgroup /mine/c1 $IMAGE c1 echo hi`, prints: 'hi' },
  { name: 'ctr run --pid-file', run: `ctr run -d $OPTIONS --pid-file p $IMAGE box sleep 1000 && kill -0 $(cat p)` },
  {
    name: 'ctr run --memory-limit',
    needs: ['memory'],
    run: `quick --memory-limit 67108864 $IMAGE c1 cat /sys/fs/cgroup/memory.max`,
    prints: '67108864',
  },
  {
    name: 'ctr task delete --force of a paused task',
    run: `box sleep 1000; ctr task pause box; ctr task delete --force box > /dev/null 2>&1 || :; ctr task ls -q`,
    prints: '',
  },
]

const criCases: readonly Case[] = [
  { name: 'CRI: version', run: 'cri version', prints: 'containerd' },
  {
    name: 'CRI: sandbox with a runtime handler',
    run: 's=$(cri sandbox pod handler); cri sandbox-status $s; cri stop-sandbox $s; cri sandbox-status $s; cri remove-sandbox $s',
    prints: 'ready\nnot ready',
  },
  { name: 'CRI: an unknown handler', run: 'cri sandbox pod nonsense', status: 1, says: /nonsense/ },
  {
    name: 'CRI: create, start, status, stop, remove',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE ${LOOP}); cri status $c; cri start $c; cri status $c; soon grep -q started one.log; cri stop $c 5; cri status $c; cri remove $c; cri stop-sandbox $s; cri remove-sandbox $s`,
    prints: 'created 0\nrunning 0\nexited 3',
  },
  {
    name: 'CRI: logs',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE sh -c 'echo $A; echo bad >&2'); cri start $c; soon sh -c 'test $(wc -l < one.log) = 2'; cut -d' ' -f2,4 one.log | sort`,
    prints: 'stderr bad\nstdout b',
  },
  {
    name: 'CRI: ExecSync',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE sleep 1000); cri start $c; cri exec $c sh -c 'echo in; exit 5'`,
    prints: 'in',
    status: 5,
  },
  {
    name: 'CRI: two containers share the namespaces of the sandbox',
    run: `s=$(cri sandbox pod handler); for n in one two; do c=$(cri create $s $n $IMAGE sleep 1000); cri start $c; cri exec $c readlink /proc/self/ns/ipc; done | uniq | wc -l`,
    prints: '1',
  },
  {
    name: 'CRI: stats',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE sleep 1000); cri start $c; test "$(cri stats $c)" = $c`,
  },
  {
    name: 'CRI: stopping the sandbox stops what is in it',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE sleep 1000); cri start $c; cri stop-sandbox $s; cri status $c`,
    prints: 'exited 137',
  },
  {
    name: 'CRI: create of a program that is not there',
    run: `s=$(cri sandbox pod handler); c=$(cri create $s one $IMAGE nonsense); cri start $c`,
    status: 1,
    says: /nonsense/,
  },
]

/**
 * A runtime for a machine without controllers: as this one, without the limits that a sandbox always has. Gives its path.
 */
function unlimited(directory: string, runtime: string): string {
  const path = join(directory, 'bin/unlimited')
  const script = `#!/bin/sh
last= bundle=
for word; do
  [ "$last" != --bundle ] || bundle=$word
  last=$word
done
if [ -n "$bundle" ]; then
  jq 'del(.linux.resources.cpu, .linux.resources.memory, .linux.resources.pids)' "$bundle/config.json" > "$bundle/less.json"
  mv "$bundle/less.json" "$bundle/config.json"
fi
exec ${runtime} "$@"
`
  writeFileSync(path, script, { mode: 0o755 })
  return path
}

main({
  name: 'containerd',
  packages: ['containerd', 'busybox-static', 'jq'],
  versions: ['containerd --version'],
  open: ({ directory, runtime }) => {
    for (const folder of ['bin', 'work']) mkdirSync(join(directory, folder))
    makeLayout(directory, IMAGE)
    const client = [process.execPath, ...process.execArgv, fileURLToPath(new URL('./lib/cri.ts', import.meta.url))]
    writeFileSync(join(directory, 'bin/cri'), `#!/bin/sh\nexec ${client.join(' ')} "$@"\n`, { mode: 0o755 })
    writeFileSync(
      join(directory, 'containerd.toml'),
      `version = 2
root = "${directory}/root"
state = "/run/c"
disabled_plugins = [
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs",
]
[grpc]
address = "/run/c.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "${directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "handler"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.handler]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.handler.options]
BinaryName = "${hasController('cpu') ? runtime : unlimited(directory, runtime)}"
`,
    )
    return `
      containerd --config containerd.toml > containerd.log 2>&1 &
      echo $! > /run/c.pid
      for i in $(seq 200); do ctr version > /dev/null 2>&1 && break; sleep 0.1; done
      ctr -n default images import oci.tar && ctr -n k8s.io images import oci.tar || { tail containerd.log; exit 1; }`
  },
  environment: ({ runtime }) => ({
    CONTAINERD_ADDRESS: '/run/c.sock',
    CRI_SOCKET: '/run/c.sock',
    IMAGE,
    // A container of ctr has cpu shares unless told otherwise.
    OPTIONS: `--runc-binary ${runtime} --cpu-shares 0`,
  }),
  prelude: `
    cd work
    # Once in some hundred times containerd 1.6 loses the output of a program that ends at once, with runc as well.
    quick() {
      code=0; ctr run --rm $OPTIONS "$@" > out || code=$?
      [ -s out ] || [ $code != 0 ] || ctr run --rm $OPTIONS "$@" > out || code=$?
      cat out; return $code
    }
    box() { ctr run -d $OPTIONS $IMAGE box "$@"; }
    soon() { for i in $(seq 100); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
    stopped() { ctr task ls | grep box | grep -q STOPPED; }`,
  between: `
    for n in default k8s.io; do
      for c in $(ctr -n $n container ls -q); do ctr -n $n task kill -s KILL $c; ctr -n $n task delete -f $c; ctr -n $n container delete $c; done
    done
    rm -rf work; mkdir work`,
  close:
    'kill $(cat /run/c.pid); for i in $(seq 50); do kill -0 $(cat /run/c.pid) 2> /dev/null || break; sleep 0.1; done',
  cases: [...ctrCases, ...criCases],
})
