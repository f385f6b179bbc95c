#!/bin/sh
# Makes in DIRECTORY what the machine boots from: `vmlinux`, `initrd.img`, `lib/modules`. The kernel is Debian's, taken
# out of its packages: nothing is installed here.
#
# usage: kernel.sh DIRECTORY [MACHINE [SUITE]]      amd64 or arm64; the kernel of another suite of Debian than this machine's
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
machine=${2:-amd64}
. /etc/os-release
suite=${3:-$VERSION_CODENAME}

# --- the packages ---

if [ "$machine $suite" = "amd64 $VERSION_CODENAME" ]; then
  apt-get update -q
  apt() { "$@" -q -o APT::Sandbox::User=root; }
else
  . "$here/../../../scripts/newer-suite.sh"
  newer_architecture=$machine
  newer_suite "$suite" "$PWD/apt"
  apt() { newer "$@"; }
fi
depends() { # PACKAGE PATTERN
  apt apt-cache depends "$1" | awk -v pattern="$2" '$1 == "Depends:" && $2 ~ pattern { print $2 }'
}
# The meta package depends on the one of the newest version, and since Linux 7 that one on those that have its parts.
package=$(depends "linux-image-$machine" '^linux-image' | head -1)
apt apt-get download "$package" $(depends "$package" '^linux-(base|binary|modules)-[0-9]') busybox-static
for package in linux-*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x
done
dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -x
rm -rf apt ./*.deb
for path in lib/modules bin/busybox; do # where they are once /lib and /bin are links into /usr
  [ ! -e "usr/$path" ] || { mkdir -p "${path%/*}" && mv "usr/$path" "$path"; }
done
version=$(ls lib/modules)
mkdir -p boot
[ ! -e "lib/modules/$version/vmlinuz" ] || mv "lib/modules/$version/vmlinuz" "boot/vmlinuz-$version"
rm -rf usr etc
find lib/modules -name '*.ko.xz' -exec xz -d {} +
depmod -b . "$version"

# --- the kernel, decompressed ---

# Emulated, the kernel needs 3 s to unpack itself, which that of arm64 has no need to. The header says where in the image its compressed ELF file is:
# Documentation/arch/x86/boot.rst. The last 4 bytes of that are its size.
image=boot/vmlinuz-$version
number() { # OFFSET SIZE: an unsigned number of the header
  od -An -tu"$2" -j "$1" -N "$2" "$image" | tr -d ' '
}
payload=$((($(number $((0x1f1)) 1) + 1) * 512 + $(number $((0x248)) 4)))
length=$(($(number $((0x24c)) 4) - 4))
tail -c +$((payload + 1)) "$image" | head -c "$length" > payload
# What is not xz is booted as it is.
xz -dc < payload > vmlinux 2>/dev/null || cp "$image" vmlinux
rm -r payload boot

# --- the initramfs ---

mkdir -p initrd/bin initrd/modules initrd/proc initrd/sys initrd/dev initrd/host initrd/layer initrd/writable initrd/root
mv bin/busybox initrd/bin
cp "$here/../guest/initramfs.sh" initrd/init
chmod +x initrd/init
for module in virtio_pci virtio_blk virtio_rng 9pnet_virtio 9p overlay ext4 crc32c_generic; do
  modprobe -d "$PWD" -S "$version" --show-depends "$module" || [ "$module" = crc32c_generic ] # newer kernels have no such
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > modules
# Their names' order is the order to load them in.
count=100
while read -r path; do
  count=$((count + 1))
  cp "$path" "initrd/modules/$count-$(basename "$path")"
done < modules
(cd initrd && find . | cpio -o -H newc --quiet) > initrd.img
rm -r initrd modules bin
