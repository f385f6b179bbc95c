#!/bin/sh
# The end of init.sh in a lane with systemd: describes the task as a service, and executes systemd, which starts it and
# little else.
set -eu

units=/run/systemd/system
mkdir -p $units
cat > $units/vm.target <<'UNIT'
[Unit]
Requires=sysinit.target vm-task.service
Wants=dbus.socket systemd-logind.service
UNIT
# A container that runs out of memory is no reason to stop the service whose task started it.
cat > $units/vm-task.service <<'UNIT'
[Unit]
After=sysinit.target dbus.socket systemd-logind.service
[Service]
Type=exec
ExecStart=/bin/sh /run/vm/task.sh
ExecStopPost=/bin/systemctl poweroff --force --force
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TasksMax=infinity
OOMPolicy=continue
UNIT
# What takes time and what a machine for one task has no use for.
for unit in systemd-udev-trigger systemd-hwdb-update systemd-journal-flush systemd-update-utmp systemd-random-seed \
  systemd-pstore systemd-timesyncd systemd-binfmt apparmor modprobe@drm modprobe@efi_pstore keyboard-setup console-setup; do
  ln -s /dev/null "$units/$unit.service"
done
exec /lib/systemd/systemd
