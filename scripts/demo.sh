#!/bin/sh
# Builds tsrun, makes a bundle out of the host's own programs, and looks around inside a container.
set -eu
cd "$(dirname "$0")/.."
sh scripts/prepare.sh --no-tools

bundle=$(mktemp -d "${TMPDIR:-/tmp}/tsrun-demo.XXXXXX")
trap 'rm -rf "$bundle"' EXIT

if [ "$(id -u)" = 0 ]; then kind=; else kind=--rootless; fi
dist/tsrun spec --bundle "$bundle" --host-rootfs $kind

cat > "$bundle/tour.cjs" <<'TOUR'
const { readFileSync, writeFileSync } = require('fs')
const file = process.argv[2]
const config = JSON.parse(readFileSync(file))
config.process.args = ['/bin/sh', '-c', `
say() { printf '\\n\\033[1m%s\\033[0m\\n' "$1"; }
say 'Who am I?';                        id
say 'Where am I?';                      hostname
say 'Process 1 is me:';                 cat /proc/1/comm
say 'All processes that I can see:';    ls /proc | grep -E '^[0-9]+$' | tr '\\n' ' '; echo
say 'My root directory:';               ls /
say 'What is mounted:';                 cut -d' ' -f5,6 /proc/self/mountinfo | head -20
say 'My network:';                      tail -n +3 /proc/net/dev
say 'What I can not see or do:'
cat /etc/shadow 2>&1 | head -1; [ -s /etc/shadow ] || echo '/etc/shadow is masked'
ls /home /root 2>&1
touch /usr/x 2>&1 || true
say 'Exit code 7 follows.'; exit 7`]
writeFileSync(file, JSON.stringify(config))
TOUR
node "$bundle/tour.cjs" "$bundle/config.json"

code=0
dist/tsrun run "$bundle" || code=$?
printf '\ntsrun run gave exit code %s. That was a container; nothing of it is left:\n' "$code"
dist/tsrun list
[ "$code" = 7 ]
