#!/bin/sh
# Runs one bats file of podman's system tests in a sandbox and prints its TAP. There is no registry: a `pull` of the image
# that all tests are about is the import of one that is made here, of busybox, with what the tests look for. The runtime is
# called crun there, and keeps its state where crun does: many tests are for that name alone.
#
# usage: RUNTIME=PATH podman-bats.sh FILE [OPTION OF SANDBOX.SH]...          TESTS=PATTERN: those whose names match
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$1" = --inside ]; then
  file=$2
  place=$TAP
  # podman hands on controllers from the root of the tree, where no process may be then.
  mkdir /sys/fs/cgroup/tests
  while read -r pid; do echo "$pid" > /sys/fs/cgroup/tests/cgroup.procs || :; done < /sys/fs/cgroup/cgroup.procs 2> /dev/null
  export CONTAINERS_CONF="$place/containers.conf" CONTAINERS_STORAGE_CONF="$place/storage.conf" PODMAN="$place/podman"
  # Nobody keeps time for health checks here; those that a test runs work.
  export DISABLE_HC_SYSTEMD=true
  unset XDG_RUNTIME_DIR
  mkdir -p /var/lib/containers
  mount -t tmpfs graph /var/lib/containers
  if [ "$RUNTIME" != /usr/bin/crun ]; then
    rm -f /usr/bin/crun
    printf '#!/bin/sh\nexec %s --root /run/crun "$@"\n' "$RUNTIME" > /usr/bin/crun
    chmod 755 /usr/bin/crun
  fi
  # The tests of sdnotify need nothing of systemd, but ask for it; and they ask for the runtime before they know podman's name.
  case $file in
    */260-sdnotify.bats)
      printf '#!/bin/sh\n' > /usr/local/bin/systemctl
      printf '#!/bin/sh\nexec podman info "$@"\n' > /usr/local/bin/info
      chmod 755 /usr/local/bin/systemctl /usr/local/bin/info
      ;;
  esac
  # Whose ids --userns=auto takes; libsubid 6 wants that there is such a user.
  grep -q ^containers: /etc/passwd || echo containers:x:990:990::/:/usr/sbin/nologin >> /etc/passwd
  for ids in /etc/subuid /etc/subgid; do grep -q ^containers: "$ids" || echo containers:300000:2000000 >> "$ids"; done
  "$PODMAN" pull "quay.io/libpod/testimage:$IMAGE_TAG" > /dev/null 2>&1
  cd "$(dirname "$file")"
  exec timeout --foreground -k 5 "$LIMIT" bats --tap ${TESTS:+--filter "$TESTS"} "$file" > "$place/out" 2>&1 < /dev/null
fi

file=$1
shift
IMAGE_TAG=$(sed -n 's/^PODMAN_TEST_IMAGE_TAG=.*"\([0-9]*\)"}$/\1/p' "$(dirname "$file")/helpers.bash")
TAP=$(mktemp -d)
export TAP IMAGE_TAG LIMIT="${LIMIT:-300}" HOME=/root
trap 'rm -rf "$TAP"' EXIT

# What is in the image that podman's build-testimage makes of Alpine.
image=$TAP/image
mkdir -p "$image"/bin "$image"/etc "$image"/root "$image"/home/podman "$image"/usr/bin "$image"/usr/lib "$image"/usr/local/bin \
  "$image"/sbin "$image"/lib "$image"/var/log "$image"/run "$image"/proc "$image"/sys "$image"/dev "$image"/mnt "$image"/srv \
  "$image"/opt "$image"/media
mkdir -m 1777 "$image/tmp" "$image/var/tmp"
cp /bin/busybox "$image/bin/busybox"
for applet in $(/bin/busybox --list) busybox-extras; do
  [ "$applet" = busybox ] || ln -s /bin/busybox "$image/bin/$applet"
done
# Of this machine, with its libraries: busybox has none.
for part in $(ldd "$(command -v flock)" | grep -o '/[^ ]*') "$(command -v flock)"; do cp --parents -L "$part" "$image"; done
cat > "$image/bin/printenv" << 'END'
#!/bin/sh
[ $# -gt 0 ] || { tr '\000' '\n' < /proc/$$/environ; exit; }
for name; do eval "[ -n \"\${$name+x}\" ] && echo \"\$$name\"" || status=1; done
exit ${status:-0}
END
cat > "$image/home/podman/pause" << 'END'
#!/bin/sh
trap 'exit 0' TERM
echo Confirmed: testimage pause invoked as $0
while :; do
    sleep 0.1
done
END
cat > "$image/home/podman/healthcheck" << 'END'
#!/bin/sh
if [ -e /uh-oh ] || [ -e /uh-oh-only-once ]; then
  echo 'Uh-oh on stdout!'
  echo 'Uh-oh on stderr!' >&2
  rm -f /uh-oh-only-once
  exit 1
fi
echo Life is Good on stdout
echo Life is Good on stderr >&2
END
chmod 755 "$image/bin/printenv" "$image/home/podman/pause" "$image/home/podman/healthcheck"
echo "$IMAGE_TAG" > "$image/home/podman/testimage-id"
touch --date=@1600000000 "$image/home/podman/testimage-id"
printf '%s\n' 'root:x:0:0:root:/root:/bin/ash' 'bin:x:1:1:bin:/bin:/sbin/nologin' 'mail:x:8:12:mail:/var/mail:/sbin/nologin' \
  'nobody:x:65534:65534:nobody:/:/sbin/nologin' > "$image/etc/passwd"
printf '%s\n' root:x:0:root bin:x:1:root,bin mail:x:12:mail users:x:100:games ping:x:999: nobody:x:65534: > "$image/etc/group"
echo 'root:*::0:::::' > "$image/etc/shadow"
printf 'http\t80/tcp\n' > "$image/etc/services"
printf '127.0.0.1\tlocalhost\n' > "$image/etc/hosts"
printf 'ID=alpine\nVERSION_ID=3.16.0\n' > "$image/etc/os-release"
echo 3.16.0 > "$image/etc/alpine-release"
ln -s /proc/mounts "$image/etc/mtab"
chmod 555 "$image"
tar -C "$image" -cf "$TAP/image.tar" .
rm -r "$image"

cat > "$TAP/podman" << 'END'
#!/bin/sh
# podman, whose registry is a file.
for last; do :; done
case "${1:-} $last" in
  pull\ *libpod/testimage:*)
    exec podman import --change WORKDIR=/home/podman \
      --change 'CMD ["/bin/echo", "This container is intended for podman CI testing"]' \
      --change ENV=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      --change LABEL=created_by=test/system/build-testimage --change LABEL=created_at=2022-06-15T00:00:00Z \
      "$(dirname "$0")/image.tar" "$last" ;;
esac
exec podman "$@"
END
chmod 755 "$TAP/podman"

# As conformance/lib/podmanConf.ts: limits that need no CAP_SYS_RESOURCE, and no daemon.
cat > "$TAP/containers.conf" << END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
pids_limit = 0
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
END
cat > "$TAP/storage.conf" << END
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END

status=0
sh "$here/sandbox.sh" "$@" --keep "$TAP" sh "$here/podman-bats.sh" --inside "$file" > "$TAP/said" 2>&1 || status=$?
cat "$TAP/out" 2> /dev/null || cat "$TAP/said"
exit "$status"
