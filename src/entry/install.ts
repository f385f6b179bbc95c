/**
 * Fits the built command to the Node.js that runs this: dist/node/tsrun names it, since podman starts runtimes without a PATH,
 * and there are images of the program for it. With another one the command works too, but takes 35 ms longer to start.
 * Where npm has installed the static binary, that becomes dist/tsrun.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { useBinary } from './binary.ts'

/** Together they save 8 ms: a new seed for tables of strings, a collection of garbage, a compiler for what runs longer. */
const OPTIONS = ['--no-rehash-snapshot', '--min-semi-space-size=2', '--no-sparkplug']

/** Has the time of change of the Node.js that knows the options and that the images are for. */
const KNOWN_NODE = `${__dirname}/known-node`

const node = process.execPath

const WRAPPER = `#!/bin/sh
self=$0
[ ! -L "$self" ] || self=$(command -p readlink -f "$self")
lib=\${self%/*}/lib

# Node.js raises the soft limit of open files at its start; a container is to get the caller's. The document, one empty
# line, is a pipe, so that no second process is needed to read what ulimit prints. (Where it is a file, that is overwritten.)
{ ulimit -Sn >/proc/self/fd/0; read -r tsrun_line; read -r TSRUN_NOFILE; } <<END

END
TSRUN_NOFILE=\${TSRUN_NOFILE:-$tsrun_line}

# What the environment has for other programs of Node.js is not for this one. It loads code (options, paths of modules, a
# configuration of OpenSSL, which may name a library), has files written where it says, and takes time: certificates, which
# are read at every start, 40 ms.
export TSRUN_NOFILE
unset NODE_OPTIONS NODE_PATH OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES NODE_V8_COVERAGE NODE_REDIRECT_WARNINGS \\
  NODE_COMPILE_CACHE NODE_ICU_DATA NODE_CHANNEL_FD NODE_DEBUG NODE_DEBUG_NATIVE NODE_EXTRA_CA_CERTS TSRUN_DESCRIPTORS

# It opens files of its own, too, where the caller has left gaps: the descriptors that are the caller's, before a program is to
# get some. The files of this shell are closed on execve (02000000 of the flags).
case "$* $LISTEN_FDS" in *preserve-fds* | *[0-9])
  TSRUN_DESCRIPTORS=
  for tsrun_fd in /proc/$$/fd/*; do
    [ -e "/proc/$$/fdinfo/\${tsrun_fd##*/}" ] || continue
    while read -r tsrun_line; do
      case "$tsrun_line" in
        flags:*[2367]??????) continue 2 ;;
        flags:*) TSRUN_DESCRIPTORS="$TSRUN_DESCRIPTORS \${tsrun_fd##*/}" ;;
      esac
    done <"/proc/$$/fdinfo/\${tsrun_fd##*/}"
  done
  export TSRUN_DESCRIPTORS ;;
esac

# Options that save 8 ms, and that another version might not know, for the very Node.js that the images are for.
node='${node.replaceAll("'", "'\\''")}'
options=
if [ ! -x "$node" ]; then
  node=node
elif [ -e "$lib/known-node" ] && [ ! "$node" -nt "$lib/known-node" ] && [ ! "$node" -ot "$lib/known-node" ]; then
  options='${OPTIONS.join(' ')}'
fi
exec "$node" $options "$lib/tsrun.cjs" "$@"
`

function writeWrapper(): void {
  const path = `${__dirname}/../tsrun`
  writeFileSync(path, WRAPPER)
  chmodSync(path, 0o755)
}

/** With no environment, since options in there would be among those that V8 takes the code with. */
function makeImages(): void {
  execFileSync(node, [...OPTIONS, `${__dirname}/images.cjs`], { env: {}, stdio: 'inherit' })
  execFileSync('touch', ['-r', node, KNOWN_NODE])
}

useBinary()
writeWrapper()
rmSync(KNOWN_NODE, { force: true })
try {
  makeImages()
} catch {
  console.error(`tsrun: there are no images for ${node}, see above; the command works, but takes longer to start`)
}
