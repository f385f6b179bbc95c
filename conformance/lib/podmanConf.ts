// Configuration for podman and buildah with nothing of the machine's in it.

import { basename } from 'node:path'

/** Without a runtime, the command line names it. Limits no higher than a machine without CAP_SYS_RESOURCE has; no daemon for logs, events and cgroups. */
export function containersConf(directory: string, runtime?: string): string {
  const engine =
    runtime === undefined
      ? ''
      : `runtime = "${runtime}"
runtime_supports_json = ["${basename(runtime)}"]
runtime_supports_nocgroup = ["${basename(runtime)}"]
`
  return `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
pids_limit = 0
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
${engine}tmp_dir = "${directory}/tmp"
volume_path = "${directory}/volumes"
image_parallel_copies = 1

[network]
network_config_dir = "${directory}/networks"
`
}

export function storageConf(directory: string): string {
  return `
[storage]
driver = "overlay"
runroot = "${directory}/run"
graphroot = "${directory}/graph"
rootless_storage_path = "${directory}/graph"
`
}
