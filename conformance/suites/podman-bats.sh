#!/bin/sh
# Runs one bats file of podman's system tests in a sandbox and prints its TAP. There is no registry: a `pull` of the image
# that all tests are about is the import of one that is made here, of busybox, with what the tests look for.
#
# usage: RUNTIME=PATH podman-bats.sh FILE [OPTION OF SANDBOX.SH]...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$1" = --inside ]; then
  file=$2
  place=$TAP
  # podman hands on controllers from the root of the tree, where no process may be then.
  mkdir /sys/fs/cgroup/tests
  while read -r pid; do echo "$pid" > /sys/fs/cgroup/tests/cgroup.procs || :; done < /sys/fs/cgroup/cgroup.procs 2> /dev/null
  export CONTAINERS_CONF="$place/containers.conf" CONTAINERS_STORAGE_CONF="$place/storage.conf" PODMAN="$place/podman"
  unset XDG_RUNTIME_DIR
  for tag in 20220615 00000004; do "$PODMAN" pull "quay.io/libpod/testimage:$tag" > /dev/null 2>&1; done
  cd "$(dirname "$file")"
  exec timeout --foreground -k 5 "$LIMIT" bats --tap "$file" > "$place/out" 2>&1 < /dev/null
fi

file=$1
shift
TAP=$(mktemp -d)
export TAP LIMIT="${LIMIT:-300}" HOME=/root
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
cat > "$image/bin/printenv" << 'END'
#!/bin/sh
[ $# -gt 0 ] || exec env
eval "[ -n \"\${$1+x}\" ] && echo \"\$$1\""
END
cat > "$image/home/podman/pause" << 'END'
echo Confirmed: testimage pause invoked as $0
while :; do
    sleep 0.1
done
END
chmod 755 "$image/bin/printenv" "$image/home/podman/pause"
echo 20220615 > "$image/home/podman/testimage-id"
touch --date=@1600000000 "$image/home/podman/testimage-id"
printf '%s\n' 'root:x:0:0:root:/root:/bin/ash' 'bin:x:1:1:bin:/bin:/sbin/nologin' 'mail:x:8:12:mail:/var/mail:/sbin/nologin' \
  'nobody:x:65534:65534:nobody:/:/sbin/nologin' > "$image/etc/passwd"
printf '%s\n' root:x:0:root bin:x:1:root,bin mail:x:12:mail users:x:100:games ping:x:999: nobody:x:65534: > "$image/etc/group"
printf '127.0.0.1\tlocalhost\n' > "$image/etc/hosts"
printf 'ID=alpine\nVERSION_ID=3.16.0\n' > "$image/etc/os-release"
echo 3.16.0 > "$image/etc/alpine-release"
ln -s /proc/mounts "$image/etc/mtab"
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
runtime = "$RUNTIME"
runtime_supports_json = ["$(basename "$RUNTIME")"]
runtime_supports_nocgroup = ["$(basename "$RUNTIME")"]
END
cat > "$TAP/storage.conf" << END
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/tmp/graph"
END

status=0
sh "$here/sandbox.sh" "$@" --keep "$TAP" sh "$here/podman-bats.sh" --inside "$file" > "$TAP/said" 2>&1 || status=$?
cat "$TAP/out" 2> /dev/null || cat "$TAP/said"
exit "$status"
