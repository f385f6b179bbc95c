/* reborn PID: becomes a process with this number as soon as nobody has it, says "born" and waits to be ended. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    pid_t wanted = atoi(words[1]);
    struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1 };
    long child;
    while ((child = syscall(SYS_clone3, &args, sizeof args)) < 0 && errno == EEXIST)
        usleep(1000);
    if (child < 0)
        return 3;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        puts("born");
        fflush(stdout);
        pause();
        return 0;
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 0;
}
