#!/bin/sh
# Makes `layer.img` in DIRECTORY: what the machine has beyond the host's own tree. An overlay file system catches what
# apt writes when it installs these packages on top of the host's, which stay as they are; the machine lays the result
# over the host's tree in the same way.
#
# usage: layer.sh DIRECTORY      (in a mount namespace of its own: see image.ts)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

packages='
  systemd dbus dbus-user-session libpam-systemd udev kmod procps
  apparmor selinux-policy-default selinux-utils policycoreutils
'

# On a tmpfs, since the directory may itself be on an overlay, which can't be the upper layer of another.
mkdir work
mount -t tmpfs tmpfs work
mkdir work/upper work/work work/root
mount -t overlay -o "lowerdir=/,upperdir=work/upper,workdir=work/work" overlay work/root
mount --rbind /proc work/root/proc
mount --rbind /dev work/root/dev
mount -t tmpfs tmpfs work/root/tmp

printf '#!/bin/sh\nexit 101\n' > work/root/usr/sbin/policy-rc.d # no service is started
chmod +x work/root/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive TMPDIR=/tmp
chroot work/root apt-get update -q
chroot work/root apt-get install -q -y --no-install-recommends $packages

# Debian's SELinux policy has no type for containers.
cp "$here/../guest/container.cil" work/root/tmp
chroot work/root semodule --noreload --priority 300 --install /tmp/container.cil

cd work/upper
rm -rf usr/sbin/policy-rc.d var/cache var/log var/lib/apt usr/share/doc usr/share/man usr/share/locale
cd ../..
truncate -s 512M layer.img
mkfs.ext4 -q -O ^has_journal -d work/upper layer.img
umount -R work/root
umount work
rmdir work
