// Bundles from images without an engine: skopeo copies, umoci unpacks, the runtime runs.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './lib/case.ts'
import { main } from './lib/engine.ts'
import { makeLayout } from './lib/image.ts'

const cases: readonly Case[] = [
  {
    name: 'skopeo copy, umoci unpack, run',
    run: `unpack; set_args '["sh","-c","echo hi; exit 7"]'; $RUNTIME run --bundle b box`,
    prints: 'hi',
    status: 7,
  },
  {
    name: 'the environment and directory of the image',
    run: `unpack; set_args '["sh","-c","echo $FROM; pwd"]'; $RUNTIME run --bundle b box`,
    prints: 'image\n/',
  },
  {
    name: 'create, state, start, kill, delete',
    run: `unpack; set_args '["sleep","1000"]'; $RUNTIME create --bundle b box > /dev/null 2>&1 < /dev/null; $RUNTIME state box | jq -r .status; $RUNTIME start box; $RUNTIME state box | jq -r .status; $RUNTIME kill box KILL; for i in $(seq 50); do [ "$($RUNTIME state box | jq -r .status)" = stopped ] && break; sleep 0.1; done; $RUNTIME delete box; $RUNTIME state box > /dev/null 2>&1 || echo gone`,
    prints: 'created\nrunning\ngone',
  },
  {
    name: 'a docker archive on the way',
    run: `skopeo copy -q oci:../oci:latest docker-archive:a.tar:x/y:latest; skopeo copy -q docker-archive:a.tar oci:l:latest; umoci unpack --image l b > /dev/null 2>&1; set_args '["echo","hi"]'; $RUNTIME run --bundle b box`,
    prints: 'hi',
  },
  {
    name: 'umoci repack of what the container wrote',
    run: `unpack; set_args '["sh","-c","echo made > /made"]'; $RUNTIME run --bundle b box; umoci repack --image l:two b > /dev/null 2>&1; umoci unpack --image l:two c > /dev/null 2>&1; cat c/rootfs/made`,
    prints: 'made',
  },
  {
    name: 'umoci unpack --rootless, with its user namespace',
    run: `skopeo copy -q oci:../oci:latest oci:l:latest; umoci unpack --rootless --image l:latest b > /dev/null 2>&1; set_args '["cat","/proc/self/uid_map"]'; $RUNTIME run --bundle b box | tr -s ' '`,
    prints: ' 0 0 1',
  },
]

main({
  name: 'umoci',
  packages: ['skopeo', 'umoci', 'busybox-static', 'jq'],
  versions: ['skopeo --version', 'umoci --version'],
  open: ({ directory }) => {
    mkdirSync(join(directory, 'work'))
    makeLayout(directory, 'latest')
    return ''
  },
  prelude: `
    cd work
    unpack() { skopeo copy -q oci:../oci:latest oci:l:latest; umoci unpack --image l:latest b > /dev/null 2>&1; }
    # What umoci asks for besides is a terminal, and more files than some machines allow.
    set_args() { jq ".process.terminal = false | del(.process.rlimits) | .process.args = $1" b/config.json > n; mv n b/config.json; }`,
  between: '$RUNTIME delete --force box; rm -rf work; mkdir work',
  cases,
})
