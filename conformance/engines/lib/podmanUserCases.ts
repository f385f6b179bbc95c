import type { Case } from './case.ts'

/** What podman does for a user alone, or differently. */
export const userCases: readonly Case[] = [
  { name: '--userns keep-id', run: `quick --userns keep-id busybox id -u`, prints: '4321' },
  { name: '--userns nomap', run: `quick --userns nomap busybox id -u`, prints: '0' },
  {
    name: 'the map of ids',
    run: `quick busybox cat /proc/self/uid_map | tr -s ' '`,
    prints: ' 0 4321 1\n 1 500000 65536',
  },
  {
    name: '--user',
    run: `quick --user alice busybox id -u; quick --user 1234:1234 busybox id -u`,
    prints: '1000\n1234',
  },
  {
    name: '--group-add keep-groups',
    run: `quick --group-add keep-groups busybox sh -c 'grep Groups /proc/self/status' | tr -d '\\t '`,
    prints: /^Groups:.*65534/,
  },
  { name: '--group-add', run: `quick --group-add 1234 busybox id -G`, prints: /\b1234\b/ },
  { name: 'slirp4netns', run: `podman run --rm busybox ip -o -4 addr | grep -c tap0`, prints: '1' },
  {
    name: '-p',
    run: `podman run -d --name box -p 18082:80 busybox sh -c 'mkdir /www; echo served > /www/x; exec httpd -f -p 80 -h /www' > /dev/null; soon busybox wget -qO- http://127.0.0.1:18082/x; busybox wget -qO- http://127.0.0.1:18082/x`,
    prints: 'served',
  },
  {
    name: 'pod create, start, stop, rm',
    run: `podman pod create --share-parent=false --network none --name p > /dev/null; podman run -d --pod p --name box busybox sleep 1000 > /dev/null; podman pod inspect -f '{{.State}}' p; podman pod stop -t 0 p > /dev/null; podman pod start p > /dev/null; podman pod inspect -f '{{.State}}' p; podman pod rm -f p > /dev/null; podman ps -aq`,
    prints: 'Running\nRunning',
  },
  { name: 'unshare', run: `podman unshare id -u`, prints: '0' },
]
