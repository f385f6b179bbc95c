import type { MessageValue } from './protobuf.ts'

// The messages of CRIU's RPC, see images/rpc.proto of CRIU and https://criu.org/RPC: the fields that we use.

/** `enum criu_req_type`: what is asked for, and what an answer is about. */
export const REQUEST = {
  DUMP: 1,
  RESTORE: 2,
  PRE_DUMP: 4,
  NOTIFY: 6,
  FEATURE_CHECK: 9,
  VERSION: 10,
} as const

/** `enum criu_cg_mode`, by the words of --manage-cgroups-mode: how cgroups and their files are restored. */
export const cgroupModes = { ignore: 0, soft: 3, full: 4, strict: 5 } as const

/** `enum criu_network_lock_method`, by the words of --network-lock: who keeps packets away meanwhile. */
export const networkLocks = { iptables: 1, nftables: 2, skip: 3 } as const

const pageServer = { address: [1, 'string'], port: [2, 'int32'] } as const
const extMountMap = { key: [1, 'string'], val: [2, 'string'] } as const
const joinNamespace = { ns: [1, 'string'], ns_file: [2, 'string'] } as const
const inheritFd = { key: [1, 'string'], fd: [2, 'int32'] } as const
const cgroupRoot = { ctrl: [1, 'string'], path: [2, 'string'] } as const

const options = {
  images_dir_fd: [1, 'int32'],
  pid: [2, 'int32'],
  leave_running: [3, 'bool'],
  ext_unix_sk: [4, 'bool'],
  tcp_established: [5, 'bool'],
  evasive_devices: [6, 'bool'],
  shell_job: [7, 'bool'],
  file_locks: [8, 'bool'],
  log_level: [9, 'int32'],
  log_file: [10, 'string'],
  ps: [11, pageServer],
  notify_scripts: [12, 'bool'],
  root: [13, 'string'],
  parent_img: [14, 'string'],
  track_mem: [15, 'bool'],
  auto_dedup: [16, 'bool'],
  work_dir_fd: [17, 'int32'],
  link_remap: [18, 'bool'],
  ext_mnt: [23, [extMountMap]],
  manage_cgroups: [24, 'bool'],
  cg_root: [25, [cgroupRoot]],
  rst_sibling: [26, 'bool'],
  inherit_fd: [27, [inheritFd]],
  manage_cgroups_mode: [34, 'int32'],
  external: [37, ['string']],
  empty_ns: [38, 'uint32'],
  join_ns: [39, [joinNamespace]],
  cgroup_dump_controller: [43, ['string']],
  freeze_cgroup: [44, 'string'],
  tcp_skip_in_flight: [46, 'bool'],
  lazy_pages: [48, 'bool'],
  status_fd: [49, 'int32'],
  orphan_pts_master: [50, 'bool'],
  config_file: [51, 'string'],
  tcp_close: [52, 'bool'],
  lsm_profile: [53, 'string'],
  lsm_mount_context: [63, 'string'],
  network_lock: [64, 'int32'],
} as const

const features = { mem_track: [1, 'bool'], lazy_pages: [2, 'bool'] } as const

/** `message criu_req`. */
export const request = {
  type: [1, 'int32'],
  opts: [2, options],
  notify_success: [3, 'bool'],
  keep_open: [4, 'bool'],
  features: [5, features],
} as const

/** `message criu_resp`. */
export const response = {
  type: [1, 'int32'],
  success: [2, 'bool'],
  restore: [4, { pid: [1, 'int32'] }],
  notify: [5, { script: [1, 'string'], pid: [2, 'int32'] }],
  cr_errno: [7, 'int32'],
  features: [8, features],
  cr_errmsg: [9, 'string'],
  version: [10, { major_number: [1, 'int32'], minor_number: [2, 'int32'], sublevel: [4, 'int32'] }],
} as const

export type CriuOptions = MessageValue<typeof options>
export type CriuRequest = MessageValue<typeof request>
export type CriuResponse = MessageValue<typeof response>
