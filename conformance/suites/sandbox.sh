#!/bin/sh
# Runs a command that works as root on whatever it likes, in a machine that is a copy: the root file system overlaid with
# memory, and mounts, processes, network, and cgroups (v2 only) of its own. Nothing that it does to files gets out but below
# the directories of --keep; with its first process everything in it ends.
#
# usage: sandbox.sh [OPTION DIRECTORY]... COMMAND [ARGUMENT]...          directories are absolute
#
#   --root    another root file system than the machine's, eg. of a newer suite
#   --layer   a tree that is laid over the root file system, eg. of unpacked packages
#   --show    a directory of the machine that is seen at the same path, for --root
#   --keep    the same, and the command may write to it
set -eu

if [ -z "${SANDBOX:-}" ]; then
  place=$(mktemp -d)
  mkdir "$place/root" "$place/cgroup"
  touch "$place/begin"
  export SANDBOX="$place" SANDBOX_GROUP="suite-${place##*/}"
  status=0
  setsid -w unshare --mount --pid --fork --kill-child --mount-proc --net -- sh "$0" "$@" || status=$?
  # The tree of cgroups is seen in the sandbox only; what was mounted is gone with it.
  unshare --mount -- sh -c '
    mount -t cgroup2 none "$1/cgroup"
    [ ! -d "$1/cgroup/$2" ] || find "$1/cgroup/$2" -depth -type d -exec rmdir {} +
    # CRIU mounts trees of version 1 by itself, and a restore by a peer leaves empty cgroups there, below the one of this shell.
    grep -E "^[0-9]+:[a-z_,]+:/." /proc/self/cgroup | while IFS=: read -r number controllers path; do
      mount -t cgroup -o "$controllers" none "$1/cgroup" || continue
      find "$1/cgroup$path" -mindepth 1 -depth -type d -newer "$1/begin" -exec rmdir {} + 2> /dev/null
      umount "$1/cgroup"
    done || :' x "$place" "$SANDBOX_GROUP"
  rm "$place/begin"
  rmdir "$place/root" "$place/cgroup" "$place"
  exit "$status"
fi

root=$SANDBOX/root
if [ "$SANDBOX_GROUP" != - ]; then
  # A cgroup namespace has its root where its first process is.
  mount -t cgroup2 none "$SANDBOX/cgroup"
  mkdir "$SANDBOX/cgroup/$SANDBOX_GROUP"
  echo $$ > "$SANDBOX/cgroup/$SANDBOX_GROUP/cgroup.procs"
  umount "$SANDBOX/cgroup"
  SANDBOX_GROUP=- exec unshare --cgroup -- sh "$0" "$@"
fi
unset SANDBOX SANDBOX_GROUP

layers= kept= shown= lower=/
while :; do
  case ${1:-} in
    --root) lower=$2 ;;
    --layer) layers="$layers $2" ;;
    --show) shown="$shown $2" ;;
    --keep) kept="$kept $2" ;;
    *) break ;;
  esac
  shift 2
done

mount -t tmpfs sandbox "$root"
mkdir "$root/upper" "$root/work" "$root/merged"
# overlayfs takes no layer that is part of another one.
for layer in $layers; do cp -a "$layer/." "$root/upper"; done
mount -t overlay -o "lowerdir=$lower,upperdir=$root/upper,workdir=$root/work" sandbox "$root/merged"
root=$root/merged
for directory in $shown $kept; do mkdir -p "$root$directory"; done
for directory in $shown; do mount --bind -o ro "$directory" "$root$directory"; done
for directory in $kept; do mount --bind "$directory" "$root$directory"; done

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/var/tmp"

mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
while read -r name major minor; do
  mknod -m 0666 "$root/dev/$name" c "$major" "$minor"
done << END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
kmsg 1 11
tty 5 0
fuse 10 229
END
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0 1 2; do ln -s "/proc/self/fd/$number" "$root/dev/$(echo stdin stdout stderr | cut -d ' ' -f $((number + 1)))"; done
ip link set lo up

directory=$(pwd)
mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
umount -l /run/old
rmdir /run/old
cd "$directory" 2> /dev/null || cd /
export TMPDIR=/var/tmp

# A first process that ignores orphans would let them pile up; a shell buries them while it waits.
"$@"
