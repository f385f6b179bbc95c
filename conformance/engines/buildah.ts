// buildah with OCI isolation, where the runtime runs every RUN.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containersConf, storageConf } from '../lib/podmanConf.ts'
import type { Case } from './lib/case.ts'
import { main } from './lib/engine.ts'
import { makeImage } from './lib/image.ts'

/** A build of the Containerfile on standard input, tagged `made`, without a word. */
const BUD = 'buildah bud -q --network none -t made -f - . > /dev/null'

const cases: readonly Case[] = [
  {
    name: 'from, run, rm',
    run: `c=$(buildah from busybox); buildah run $c -- sh -c 'echo hi; exit 7' || echo $?`,
    prints: 'hi\n7',
  },
  { name: 'run: input', run: `c=$(buildah from busybox); echo by stdin | buildah run $c cat`, prints: 'by stdin' },
  {
    name: 'run -t',
    run: `c=$(buildah from busybox); script -qec "buildah run -t $c tty" /dev/null`,
    prints: /\/dev\/pts\/0/,
  },
  {
    name: 'run: no such program',
    run: `c=$(buildah from busybox); buildah run $c nonsense`,
    status: 1,
    says: /nonsense/,
  },
  {
    name: 'run --user, --workingdir, --env, --hostname',
    run: `c=$(buildah from busybox); buildah run --user alice --workingdir /usr --env A=b --hostname box $c sh -c 'id -un; pwd; echo $A; hostname'`,
    prints: 'alice\n/usr\nb\nbox',
  },
  {
    name: 'run --cap-add, --cap-drop',
    run: `c=$(buildah from busybox); caps() { buildah run "$@" $c grep CapEff /proc/self/status; }; caps --cap-drop all; caps > a; caps --cap-add CAP_SYS_PTRACE >> a; uniq a | wc -l`,
    prints: 'CapEff:\t0000000000000000\n2',
  },
  {
    name: 'run -v',
    run: `mkdir v; echo host > v/x; c=$(buildah from busybox); buildah run -v $PWD/v:/v:ro $c sh -c 'cat /v/x; touch /v/y 2> /dev/null || echo refused'`,
    prints: 'host\nrefused',
  },
  {
    name: 'run --mount type=tmpfs',
    run: `c=$(buildah from busybox); buildah run --mount type=tmpfs,dst=/t $c grep -c '^tmpfs /t ' /proc/mounts`,
    prints: '1',
  },
  {
    name: 'run --network none, host',
    run: `c=$(buildah from busybox); buildah run --network none $c ip -o link | grep -c .; buildah run --network host $c readlink /proc/self/ns/net > a; readlink /proc/self/ns/net >> a; uniq a | wc -l`,
    prints: '1\n1',
  },
  {
    name: 'run --pid host, --ipc host, --uts host',
    run: `c=$(buildah from busybox); for n in pid ipc uts; do buildah run --$n host $c readlink /proc/self/ns/$n > a; readlink /proc/self/ns/$n >> a; uniq a | wc -l; done`,
    prints: '1\n1\n1',
  },
  {
    name: 'the network of the build',
    run: `c=$(buildah from busybox); buildah run $c ip -o -4 addr | grep -c eth0`,
    prints: '1',
  },
  {
    name: 'seccomp by default',
    run: `c=$(buildah from busybox); buildah run $c grep Seccomp: /proc/self/status`,
    prints: 'Seccomp:\t2',
  },
  {
    name: 'copy, config, commit',
    run: `echo copied > x; c=$(buildah from busybox); buildah copy -q $c x /x > /dev/null; buildah config --env A=b --user alice $c; buildah commit -q $c made > /dev/null; m=$(buildah from made); buildah run $m sh -c 'cat /x; echo $A; id -un'`,
    prints: 'copied\nb\nalice',
  },
  {
    name: 'bud with RUN',
    run: `printf 'FROM busybox\\nRUN echo built > /made && id -u > /who\\nUSER alice\\nRUN id -un > /home/who || id -un\\n' | sed 's,/home/who,/dev/null,' | ${BUD}; c=$(buildah from made); buildah run $c cat /made /who`,
    prints: 'built\n0',
  },
  {
    name: 'bud FROM scratch',
    run: `cp ../image/bin/busybox .; printf 'FROM scratch\\nCOPY busybox /bin/busybox\\nRUN ["/bin/busybox","mkdir","/made"]\\n' | ${BUD}; c=$(buildah from made); buildah run $c /bin/busybox ls / | grep made`,
    prints: 'made',
  },
  {
    name: 'bud: RUN with a shell of its own, ARG, ENV, WORKDIR',
    run: `printf 'FROM busybox\\nARG V=1\\nENV E=$V\\nWORKDIR /w\\nSHELL ["/bin/sh","-ec"]\\nRUN echo $E > v; pwd >> v\\n' | buildah bud -q --network none --build-arg V=2 -t made -f - . > /dev/null; c=$(buildah from made); buildah run $c cat /w/v`,
    prints: '2\n/w',
  },
  { name: 'bud: RUN that fails', run: `printf 'FROM busybox\\nRUN exit 5\\n' | ${BUD}`, status: 5 },
  {
    name: 'bud: RUN --mount=type=cache',
    run: `printf 'FROM busybox\\nRUN --mount=type=cache,target=/c echo x >> /c/n\\nRUN --mount=type=cache,target=/c echo x >> /c/n && cp /c/n /n\\n' | ${BUD}; c=$(buildah from made); buildah run $c cat /n`,
    prints: /^x\nx(\nx)*$/,
  },
  {
    name: 'bud: RUN --mount=type=bind, tmpfs',
    run: `echo context > x; printf 'FROM busybox\\nRUN --mount=type=bind,target=/b --mount=type=tmpfs,target=/t cp /b/x /x && grep -c "^tmpfs /t " /proc/mounts > /n\\n' | ${BUD}; c=$(buildah from made); buildah run $c cat /x /n`,
    prints: 'context\n1',
  },
  {
    name: 'bud: RUN --mount=type=secret',
    run: `echo quiet > s; printf 'FROM busybox\\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /n\\n' | buildah bud -q --network none --secret id=s,src=s -t made -f - . > /dev/null; c=$(buildah from made); buildah run $c cat /n`,
    prints: '6',
  },
  {
    name: 'bud in stages',
    run: `printf 'FROM busybox AS one\\nRUN echo one > /x\\nFROM busybox\\nCOPY --from=one /x /y\\nRUN cat /y >> /y2\\n' | ${BUD}; c=$(buildah from made); buildah run $c cat /y2`,
    prints: 'one',
  },
  {
    name: 'bud --layers uses its cache',
    run: `printf 'FROM busybox\\nRUN head -c 8 /dev/urandom | md5sum > /r\\n' > f; for i in 1 2; do buildah bud -q --layers --network none -t made$i -f f . > /dev/null; c=$(buildah from made$i); buildah run $c cat /r; done | uniq | wc -l`,
    prints: '1',
  },
  {
    name: 'bud --ulimit, --shm-size, --add-host, --device',
    run: `printf 'FROM busybox\\nRUN ulimit -n > /r && grep -o size=8192k /proc/mounts >> /r && grep -c other /etc/hosts >> /r && test -c /dev/fuse && echo fuse >> /r\\n' | buildah bud -q --network private --ulimit nofile=100:200 --shm-size 8m --add-host other:1.2.3.4 --device /dev/fuse -t made -f - . > /dev/null; c=$(buildah from made); buildah run $c cat /r`,
    prints: '100\nsize=8192k\n1\nfuse',
  },
  {
    name: 'bud --userns-uid-map',
    run: `printf 'FROM busybox\\nRUN tr -s " " < /proc/self/uid_map > /r\\n' | buildah bud -q --network none --userns-uid-map 0:100000:1000 --userns-gid-map 0:100000:1000 -t made -f - . > /dev/null; c=$(buildah from made); buildah run $c cat /r`,
    prints: ' 0 100000 1000',
  },
  {
    name: 'bud --memory',
    needs: ['memory'],
    run: `printf 'FROM busybox\\nRUN cat /sys/fs/cgroup/memory.max > /r\\n' | buildah bud -q --network none --memory 64m -t made -f - . > /dev/null; c=$(buildah from made); buildah run $c cat /r`,
    prints: '67108864',
  },
]

main({
  name: 'buildah',
  packages: ['buildah', 'netavark', 'aardvark-dns', 'iptables', 'busybox-static'],
  versions: ['buildah --version'],
  open: ({ directory, runtime }) => {
    for (const name of ['tmp', 'volumes', 'networks', 'graph', 'run', 'work']) mkdirSync(join(directory, name))
    writeFileSync(join(directory, 'containers.conf'), containersConf(directory, runtime))
    writeFileSync(join(directory, 'storage.conf'), storageConf(directory))
    makeImage(directory)
    return `
      c=$(buildah from scratch); buildah add -q $c image.tar / > /dev/null
      buildah commit -q $c localhost/busybox; buildah rm $c`
  },
  environment: ({ directory, runtime }) => ({
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(directory, 'storage.conf'),
    BUILDAH_RUNTIME: runtime,
    BUILDAH_ISOLATION: 'oci',
  }),
  prelude: 'cd work',
  between: 'buildah rm --all; rm -rf work; mkdir work',
  cases,
})
