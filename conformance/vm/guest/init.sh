#!/bin/sh
# Process 1 of the machine once the root is together: mounts what every lane has, then runs the task itself, or executes
# systemd, which runs it as a service (systemd.sh). When this script fails the kernel panics and the machine ends.
#
# The host shares a directory, /run/vm: `settings` and `task.sh` come from there, results go there.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir /run/vm /run/lock /run/root /run/disk
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 vm /run/vm
. /run/vm/settings # REPOSITORY, MODULES: paths of the host; KEEP: those that must stay visible; CONSOLE; SECURITY; SYSTEMD

mount --bind / /run/root
mkdir -p /lib/modules
mount --bind "/run/root$MODULES" /lib/modules

mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts 2>/dev/null || {
  mkdir /dev/pts
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
}
mkdir -p /dev/shm /dev/mqueue
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf

# The host's temporary files and the stores of its engines are not the machine's. What engines store is on a disk, since
# an overlay can't have its upper layer on the root, which is one itself.
mount -t ext4 -o noatime /dev/vdb /run/disk
mount -t tmpfs -o mode=1777 tmpfs /tmp
for path in /var/tmp /home /var/lib/containers /var/lib/containerd /var/lib/docker; do
  mkdir -p "$path" "/run/disk$path"
  mount --bind "/run/disk$path" "$path"
done
chmod 1777 /var/tmp
# The tests may be running on the host too, or were when the layer was made: their user is not the machine's.
for file in passwd group shadow gshadow subuid subgid; do
  [ ! -e "/etc/$file" ] || sed -i '/^tsrun-tester:/d' "/etc/$file"
done
getent passwd | while IFS=: read -r _ _ uid gid _ home _; do
  case $home in /home/*) install -d -m 700 -o "$uid" -g "$gid" "$home" ;; esac
done
for path in $KEEP; do
  [ ! -e "$path" ] || continue
  mkdir -p "$path"
  mount --bind "/run/root$path" "$path"
done
umount /run/root

# As it was when the machine was started, whatever the host builds meanwhile.
rm -rf "$REPOSITORY/dist"
cp -a /run/vm/dist "$REPOSITORY"

rm -f /.dockerenv # a host may be a container; this is none
: > /etc/fstab
echo vm > /etc/hostname
hostname vm
ip link set lo up
[ -s /etc/machine-id ] || tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id

[ "$SYSTEMD" = no ] || exec sh "$REPOSITORY/conformance/vm/guest/systemd.sh"

for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done
run=
[ "$SECURITY" != selinux ] || run="sh $REPOSITORY/conformance/vm/guest/selinux.sh"
setsid --ctty --wait $run sh /run/vm/task.sh < "/dev/$CONSOLE" > "/dev/$CONSOLE" 2>&1 || true # it writes down its exit code
dmesg -n 1 # not even that it powers off
exec /bin/busybox poweroff -f
