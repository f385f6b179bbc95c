#!/bin/busybox sh
# /init of the initramfs: puts the root together and hands over to guest/init.sh.
#
#   writable   a tmpfs
#   layer      the packages of build/layer.sh, on the first disk
#   host       the host's tree over 9p, read-only
#
# Of the kernel's command line it takes vm.init=PATH, the script that follows.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*; do insmod "$module"; done

mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host
mount -t ext4 -o ro /dev/vda /layer
mount -t tmpfs -o mode=755 tmpfs /writable
mkdir /writable/upper /writable/work
mount -t overlay -o lowerdir=/layer:/host,upperdir=/writable/upper,workdir=/writable/work overlay /root

for directory in dev proc sys; do mount -o move "/$directory" "/root/$directory"; done
for word in $(cat /root/proc/cmdline); do
  case $word in vm.init=*) init=${word#*=} ;; esac
done
exec switch_root /root /bin/sh "$init"
