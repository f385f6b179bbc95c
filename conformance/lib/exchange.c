/* exchange A B [MICROSECONDS]: exchanges two names, with pauses of random length below that, until it is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words)
{
    int pause = count > 3 ? atoi(words[3]) : 0;

    if (count < 3)
        return 1;
    for (int first = 1;; first = 0) {
        if (syscall(SYS_renameat2, AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_EXCHANGE) != 0) {
            if (errno != ENOENT) /* one that is made only now and then */
                perror(words[1]);
        } else if (first && puts("ready") >= 0)
            fflush(stdout);
        if (pause > 0)
            usleep(rand() % pause);
    }
}
