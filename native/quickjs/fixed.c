/*
 * What makes a snapshot the same each time it is made, so that two builds give one file. The engine keeps addresses of its
 * stack, which lies somewhere else in each process, and takes the time to begin its random numbers with, which nothing
 * here needs.
 */
#define _GNU_SOURCE
#include "fixed.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "heap.h"

/* Far from an executable, a heap and libraries on every 64-bit processor. */
#define STACK ((void *)0x100000000000)
#define STACK_SIZE (8 << 20)

#ifdef __SANITIZE_ADDRESS__
/* It knows the stacks that it has seen made, and what it builds is not compared. */
int on_fixed_stack(int (*function)(void *), void *argument)
{
    return function(argument);
}
#else
int on_fixed_stack(int (*function)(void *), void *argument)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    int status;
    char *stack = mmap(STACK, STACK_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

    if (stack == MAP_FAILED)
        return -1;
    /* As vfork(2): the child has our memory, and we stand still until it ends. */
    pid_t pid = clone(function, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    errno = EINTR;
    return -1;
}
#endif

int __real_gettimeofday(struct timeval *now, void *zone);

/* What the linker has everybody call instead of gettimeofday(2). */
int __wrap_gettimeofday(struct timeval *now, void *zone)
{
    static const struct timeval still = { .tv_sec = 1 };

    if (heap_context())
        return __real_gettimeofday(now, zone);
    *now = still;
    return 0;
}
