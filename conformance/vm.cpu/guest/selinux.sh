#!/bin/sh
# Loads the policy of build/layer.sh, and executes a command with the label of an administrator's shell, in enforcing
# mode from there on: the kernel's own label, which process 1 has, may not go that way.
#
# usage: selinux.sh COMMAND...
set -eu
load_policy -i
exec runcon unconfined_u:unconfined_r:unconfined_t:s0 sh -ec 'setenforce 1; exec "$@"' sh "$@"
