/*
 * The floor: what a container of the benchmark's bundle costs when nobody decides anything. The same system calls as
 * `tsrun run` makes for it, in the same order, with all answers known beforehand: no configuration is parsed, nothing is
 * checked or explained, and no process stands between this one and the container's. The container comes out the same,
 * which `npm run bench -- --only floor` proves from inside before it measures.
 *
 * usage: floor BUNDLE STATE-ROOT ID [PROGRAM ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define CGROUPS "/sys/fs/cgroup"
#define HOSTNAME "bench"

enum { REMOVE_TRIES = 1000, REMOVE_PAUSE_NS = 1000000, LAST_CAPABILITY = 40 };

/* mount(2)'s parameters of one file system, for the new mount API; `parameters` are key, value pairs. */
struct filesystem {
	const char *target, *type, *source;
	unsigned attributes;
	const char *parameters[9];
};

static const struct filesystem filesystems[] = {
	{ "/proc", "proc", "proc", 0, { 0 } },
	{ "/dev", "tmpfs", "tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, { "mode", "755", "size", "65536k" } },
	{ "/dev/pts", "devpts", "devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	  { "newinstance", 0, "ptmxmode", "0666", "mode", "0620", "gid", "5" } },
	{ "/dev/shm", "tmpfs", "shm", SAFE, { "mode", "1777", "size", "65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", SAFE, { 0 } },
	{ "/sys", "sysfs", "sysfs", SAFE | MOUNT_ATTR_RDONLY, { 0 } },
	{ "/sys/fs/cgroup", "cgroup2", "cgroup", SAFE | MOUNT_ATTR_RDONLY, { 0 } },
};

static const struct device { const char *name; int major, minor; } devices[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct link { const char *target, *name; } links[] = {
	{ "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
	{ "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" },
};

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware",
};

static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static const unsigned kept_capabilities = 1u << CAP_AUDIT_WRITE | 1u << CAP_KILL | 1u << CAP_NET_BIND_SERVICE;

static long must(long result, const char *what)
{
	if (result >= 0) return result;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The descriptor of a path in the root; -1 when it is missing. */
static int open_in_root(int root, const char *path, int flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	return syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void attach(int mount, int target, const char *what)
{
	must(syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), what);
}

static int copy_of_mount(int fd, unsigned flags)
{
	return must(syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags), "open_tree");
}

static void make_readonly(int mount, unsigned flags)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	must(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes), "mount_setattr");
}

/* A detached mount. */
static int new_filesystem(const struct filesystem *it)
{
	int fs = must(syscall(SYS_fsopen, it->type, FSOPEN_CLOEXEC), it->type);
	must(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", it->source, 0), it->source);
	for (const char *const *key = it->parameters; *key; key += 2) {
		int command = key[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
		must(syscall(SYS_fsconfig, fs, command, key[0], key[1], 0), key[0]);
	}
	must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), it->type);
	int mount = must(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, it->attributes), it->type);
	close(fs);
	return mount;
}

static void mount_all(int root)
{
	for (const struct filesystem *it = filesystems; it < filesystems + LENGTH(filesystems); it++) {
		must(mkdirat(root, it->target + 1, 0755) < 0 && errno != EEXIST ? -1 : 0, it->target);
		int target = must(open_in_root(root, it->target, O_DIRECTORY), it->target);
		int mount = new_filesystem(it);
		attach(mount, target, it->target);
		close(mount);
		close(target);
	}
}

static void make_devices(int root)
{
	int dev = must(open_in_root(root, "/dev", O_DIRECTORY), "/dev");
	for (const struct device *it = devices; it < devices + LENGTH(devices); it++)
		must(mknodat(dev, it->name, S_IFCHR | 0666, makedev(it->major, it->minor)), it->name);
	for (const struct link *it = links; it < links + LENGTH(links); it++)
		must(symlinkat(it->target, dev, it->name), it->name);
	if (access("/proc/kcore", F_OK) == 0) must(symlinkat("/proc/kcore", dev, "core"), "core");
	close(dev);
}

/* One empty tmpfs for all directories, the container's null device, read-only, for files. */
static void mask_paths(int root)
{
	static const struct filesystem nothing = {
		"", "tmpfs", "tmpfs", SAFE | MOUNT_ATTR_RDONLY, { "nr_blocks", "1", "nr_inodes", "1", "mode", "0555" },
	};
	struct mount_attr covered = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, .attr_clr = MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	int empty = -1, null = must(open_in_root(root, "/dev/null", O_NOFOLLOW), "/dev/null");
	int file = copy_of_mount(null, 0), used = 0;
	must(syscall(SYS_mount_setattr, file, "", AT_EMPTY_PATH, &covered, sizeof covered), "/dev/null");
	for (size_t i = 0; i < LENGTH(masked); i++) {
		int target = open_in_root(root, masked[i], 0);
		if (target < 0) continue;
		struct stat what;
		must(fstatat(target, "", &what, AT_EMPTY_PATH), masked[i]);
		if (!S_ISDIR(what.st_mode)) attach(used++ ? copy_of_mount(file, 0) : file, target, masked[i]);
		else if (empty < 0) attach(empty = new_filesystem(&nothing), target, masked[i]);
		else attach(copy_of_mount(empty, 0), target, masked[i]);
	}
}

static void make_paths_readonly(int root)
{
	for (size_t i = 0; i < LENGTH(readonly); i++) {
		int target = open_in_root(root, readonly[i], 0);
		if (target < 0) continue;
		int copy = copy_of_mount(target, AT_RECURSIVE);
		make_readonly(copy, AT_RECURSIVE);
		attach(copy, target, readonly[i]);
	}
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	must(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
	close(fd);
}

static void take_on_identity(const char *id)
{
	char keyring[256];
	snprintf(keyring, sizeof keyring, "_ses.%s", id);
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, keyring);
	umask(022);
	for (int capability = 0; capability <= LAST_CAPABILITY; capability++)
		if (capability >= 32 || !(kept_capabilities >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps");
	must(syscall(SYS_setgroups, 0, NULL), "setgroups");
	must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
	must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = kept_capabilities, .permitted = kept_capabilities } };
	must(syscall(SYS_capset, &header, data), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	struct rlimit files = { 1024, 1024 };
	must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
}

/* The container's first process, born in its namespaces and its cgroup. */
static void become_container(int tree, const char *rootfs, const char *id, char **program)
{
	static char *environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOME=/root", NULL,
	};
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable");
	must(setsid(), "setsid");
	must(syscall(SYS_unshare, CLONE_NEWCGROUP), "cgroup namespace");
	loopback_up();
	must(sethostname(HOSTNAME, strlen(HOSTNAME)), "hostname");

	must(syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
	must(syscall(SYS_move_mount, tree, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS), rootfs);
	mount_all(tree);
	make_devices(tree);
	mask_paths(tree);
	make_paths_readonly(tree);

	must(fchdir(tree), rootfs);
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(syscall(SYS_umount2, ".", 2 /* MNT_DETACH */), "old root");
	must(chdir("/"), "/");
	make_readonly(tree, 0);
	must(syscall(SYS_close_range, 3, ~0u, 0), "close_range");
	take_on_identity(id);
	execve(program[0], program, environment);
	must(-1, program[0]);
}

/* The rules of the configuration and the default ones: any node may be made, the usual devices be opened. */
static int device_filter(void)
{
	enum { ALLOW = 17, DENY = 19, MAKE_ONLY = 16, TERMINALS = 13 };
#define LOAD(to, offset) { .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = to, .src_reg = 1, .off = offset }
#define JUMP(at, how, reg, value, to) { .code = BPF_JMP | how | BPF_K, .dst_reg = reg, .off = to - at - 1, .imm = value }
#define VERDICT(value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = value }, { .code = BPF_JMP | BPF_EXIT }
	static const struct bpf_insn program[] = {
		LOAD(2, 0), LOAD(3, 4), LOAD(4, 8), /* kind and access, major, minor */
		JUMP(3, BPF_JSET, 2, BPF_DEVCG_DEV_BLOCK, MAKE_ONLY),
		JUMP(4, BPF_JEQ, 3, 136, ALLOW),
		JUMP(5, BPF_JEQ, 3, 5, TERMINALS),
		JUMP(6, BPF_JNE, 3, 1, MAKE_ONLY),
		JUMP(7, BPF_JEQ, 4, 3, ALLOW), JUMP(8, BPF_JEQ, 4, 5, ALLOW), JUMP(9, BPF_JEQ, 4, 7, ALLOW),
		JUMP(10, BPF_JEQ, 4, 8, ALLOW), JUMP(11, BPF_JEQ, 4, 9, ALLOW),
		JUMP(12, BPF_JA, 0, 0, MAKE_ONLY),
		JUMP(13, BPF_JEQ, 4, 0, ALLOW), JUMP(14, BPF_JEQ, 4, 2, ALLOW), JUMP(15, BPF_JA, 0, 0, MAKE_ONLY),
		JUMP(16, BPF_JSET, 2, (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE) << 16, DENY),
		VERDICT(1),
		VERDICT(0),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = LENGTH(program), .insns = (uintptr_t)program,
		.license = (uintptr_t)"Apache-2.0",
	};
	return must(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load), "device filter");
}

static void filter_devices(int cgroup)
{
	int program = device_filter();
	union bpf_attr attach = {
		.target_fd = cgroup, .attach_bpf_fd = program, .attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "attach the device filter");
	close(program);
}

static void write_file(int directory, const char *name, const char *text, size_t length)
{
	int fd = must(openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), name);
	must(write(fd, text, length), name);
	close(fd);
}

/* What a runtime keeps of a container: its configuration and a line of state. */
static void write_records(const char *bundle, int directory)
{
	static const char state[] = "{\"id\":\"floor\",\"ociVersion\":\"1.0.2\",\"owner\":\"root\",\"pid\":1,\"startTime\":1}";
	static char config[65536];
	char path[4096];
	snprintf(path, sizeof path, "%s/config.json", bundle);
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	ssize_t length = must(read(fd, config, sizeof config), path);
	close(fd);
	must(flock(directory, LOCK_EX), "flock");
	write_file(directory, "config.json", config, length);
	write_file(directory, "state.json.tmp", state, sizeof state - 1);
	must(renameat(directory, "state.json.tmp", directory, "state.json"), "state.json");
}

/* A cgroup stays busy for an instant after its last process was reaped. */
static void remove_cgroup(const char *path)
{
	const struct timespec pause = { 0, REMOVE_PAUSE_NS };
	for (int i = 0; i < REMOVE_TRIES && rmdir(path) < 0 && errno == EBUSY; i++) nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	static char *nothing[] = { "/bin/true", NULL };
	if (argc < 4) return fprintf(stderr, "usage: %s BUNDLE STATE-ROOT ID [PROGRAM ARGUMENT...]\n", argv[0]), 2;
	const char *bundle = argv[1], *id = argv[3];
	char rootfs[4096], state[4096], cgroup[4096];
	snprintf(rootfs, sizeof rootfs, "%s/rootfs", bundle);
	snprintf(state, sizeof state, "%s/%s", argv[2], id);
	snprintf(cgroup, sizeof cgroup, CGROUPS "/floor-%s", id);

	int tree = must(syscall(SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), rootfs);
	struct mount_attr slave = { .propagation = MS_SLAVE };
	must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave, sizeof slave), rootfs);
	umask(0);
	must(mkdir(state, 0700), state);
	must(mkdir(cgroup, 0755), cgroup);
	int directory = must(open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), state);
	int group = must(open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC), cgroup);
	write_records(bundle, directory);
	filter_devices(group);

	struct clone_args birth = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD, .cgroup = group,
	};
	pid_t pid = must(syscall(SYS_clone3, &birth, sizeof birth), "clone3");
	if (pid == 0) become_container(tree, rootfs, id, argc > 4 ? argv + 4 : nothing);

	int status = 0;
	must(waitpid(pid, &status, 0), "wait");
	remove_cgroup(cgroup);
	must(unlinkat(directory, "config.json", 0), "config.json");
	must(unlinkat(directory, "state.json", 0), "state.json");
	must(rmdir(state), state);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
