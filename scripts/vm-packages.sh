#!/bin/sh
# Installs what building and booting the virtual machine takes: see conformance/vm/README.md. Needs root and apt.
set -eu
. "$(dirname "$0")/apt.sh"

packages='qemu-system-x86 busybox-static cpio kmod e2fsprogs xz-utils'
install_missing $packages
