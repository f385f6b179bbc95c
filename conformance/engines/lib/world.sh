# A world of its own for an engine and all it starts: mounts, network, processes, cgroups. With its first process
# everything in it ends; what is left then is a directory and an empty tree of cgroups, which world.ts removes.
#
# usage: sh world.sh DIRECTORY CGROUP COMMAND...        CGROUP: the world's folder in the v2 tree
set -eu

directory=$1
case ${WORLD:-} in
  '')
    mkdir "$2" "$2/leaf"
    echo $$ > "$2/cgroup.procs"
    WORLD=cgroup exec unshare --cgroup -- sh "$0" "$@"
    ;;
  cgroup)
    # Whoever shares limits with folders below may have no processes of its own.
    echo $$ > "$2/leaf/cgroup.procs"
    WORLD=rest exec unshare --mount --net --pid --fork --kill-child -- sh "$0" "$@"
    ;;
esac
shift 2
unset WORLD

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lock
ip link set lo up

# A copy, where users may be made. Not a file each: somebody outside who replaces one would take the mount off.
cp -a /etc "$directory/etc"
mount --bind "$directory/etc" /etc

for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" 2> /dev/null > /sys/fs/cgroup/cgroup.subtree_control || :
done

# Engines leave orphans to process 1, and it has to bury them.
exec catatonit -- "$@"
