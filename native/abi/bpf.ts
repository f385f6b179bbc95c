// <linux/bpf_common.h>: instruction classes, sizes, modes, operations, and where the operand is.
export const BPF_LD = 0x00
export const BPF_LDX = 0x01
export const BPF_ALU = 0x04
export const BPF_JMP = 0x05
export const BPF_RET = 0x06
export const BPF_W = 0x00
export const BPF_ABS = 0x20
export const BPF_MEM = 0x60
export const BPF_AND = 0x50
export const BPF_JA = 0x00
export const BPF_JEQ = 0x10
export const BPF_JGT = 0x20
export const BPF_JGE = 0x30
export const BPF_JSET = 0x40
export const BPF_K = 0x00
/** The most instructions of a classic program. */
export const BPF_MAXINSNS = 4096

// <linux/bpf.h>: what eBPF adds.
export const BPF_JMP32 = 0x06 // since 5.1
export const BPF_ALU64 = 0x07
export const BPF_MOV = 0xb0
export const BPF_EXIT = 0x90

// The commands of bpf(2).
export const BPF_PROG_LOAD = 5
export const BPF_OBJ_PIN = 6
export const BPF_OBJ_GET = 7
export const BPF_PROG_ATTACH = 8
export const BPF_PROG_DETACH = 9
export const BPF_PROG_GET_FD_BY_ID = 13
export const BPF_OBJ_GET_INFO_BY_FD = 15
export const BPF_PROG_QUERY = 16

export const BPF_PROG_TYPE_CGROUP_DEVICE = 15
export const BPF_CGROUP_DEVICE = 6
export const BPF_F_ALLOW_MULTI = 0x2
export const BPF_F_REPLACE = 0x4 // since 5.6

// `struct bpf_cgroup_dev_ctx`: access_type is (BPF_DEVCG_ACC_* << 16) | BPF_DEVCG_DEV_*, then major, minor; 32 bits each.
export const BPF_DEVCG_ACC_MKNOD = 0x1
export const BPF_DEVCG_ACC_READ = 0x2
export const BPF_DEVCG_ACC_WRITE = 0x4
export const BPF_DEVCG_DEV_BLOCK = 0x1
export const BPF_DEVCG_DEV_CHAR = 0x2
