#!/bin/sh
# Installs what the end-to-end tests use: engines, the runtimes to compare with, and tools; with --compiler only what the
# build of the static binary takes. Needs root and apt.
set -eu
. "$(dirname "$0")/apt.sh"

compiler='musl-tools make xz-utils binutils'
packages="$compiler
  busybox-static uidmap iproute2 procps strace attr jq socat file gcc libasan8 libubsan1 libc6-dev libseccomp-dev
  podman conmon buildah catatonit crun runc fuse-overlayfs slirp4netns
  netavark aardvark-dns iptables criu tmux zsh fish mmdebstrap qemu-user binutils-aarch64-linux-gnu linux-libc-dev-arm64-cross
"
[ "${1:-}" != --compiler ] || packages=$compiler
install_missing $packages
