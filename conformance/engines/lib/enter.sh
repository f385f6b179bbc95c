#!/bin/sh
# Runs a command with a directory as the root of a mount namespace: as on a machine of that suite, with this one's kernel, devices,
# processes, /tmp and network, version 2 of the cgroups alone, the working directory and the program files that are named.
#
# usage: enter.sh ROOT PROGRAM COMMAND...     PROGRAM: a file of this machine that is there at the same path, node say
set -eu

if [ -z "${ENTERED:-}" ]; then
  ENTERED=1 exec unshare --mount --propagation private -- sh "$0" "$@"
fi
unset ENTERED
root=$1 program=$2
shift 2
here=$PWD

mount --bind "$root" "$root"
cd "$root"
mount --rbind /dev dev
mount --rbind /tmp tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
cp -L /etc/resolv.conf etc/resolv.conf 2> /dev/null || :
mkdir -p ".$here" ".$(dirname "$program")" run/old
mount --rbind "$here" ".$here"
[ -e ".$program" ] || : > ".$program"
mount --bind "$program" ".$program"
pivot_root . run/old
umount -l /run/old
cd "$here"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec "$@"
