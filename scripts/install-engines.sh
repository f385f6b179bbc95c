#!/bin/sh
# Installs what the end-to-end tests use: engines, the runtimes to compare with, and tools. Needs root and apt.
set -eu

packages="
  busybox-static uidmap iproute2 procps strace attr jq socat file binutils gcc libasan8 libubsan1 libc6-dev libseccomp-dev make musl-tools xz-utils
  podman conmon buildah catatonit crun runc fuse-overlayfs slirp4netns
  netavark aardvark-dns iptables criu tmux zsh fish
"
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends $missing
