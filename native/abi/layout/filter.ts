// Sizes of structs about filters, of system calls and of devices, and where their fields lie.

/** `struct sock_filter` of <linux/filter.h>: an instruction of a classic program. */
export const SOCK_FILTER = { size: 8, code: 0, jt: 2, jf: 3, k: 4 } as const

/** `struct sock_fprog` of <linux/filter.h>. */
export const SOCK_FPROG = { size: 16, len: 0, filter: 8 } as const

/** `struct bpf_insn` of <linux/bpf.h>. */
export const BPF_INSN = { size: 8, off: 2, imm: 4 } as const

/** `union bpf_attr` of <linux/bpf.h> for the commands used here. The kernel takes any size whose rest is zero. */
export const BPF_LOAD = { prog_type: 0, insn_cnt: 4, insns: 8, license: 16, prog_name: 48 } as const
export const BPF_ATTACH = {
  target_fd: 0,
  attach_bpf_fd: 4,
  attach_type: 8,
  attach_flags: 12,
  replace_bpf_fd: 16,
} as const
export const BPF_QUERY = { target_fd: 0, attach_type: 4, prog_ids: 16, prog_cnt: 24 } as const
export const BPF_ID = { prog_id: 0 } as const
export const BPF_INFO = { bpf_fd: 0, info_len: 4, info: 8 } as const

/** `struct bpf_prog_info` of <linux/bpf.h>. The name has 16 bytes, and ends with a NUL if it is shorter. */
export const BPF_PROG_INFO = { name: 64 } as const
