/* In a container, with CAP_SYS_ADMIN: `fanotify PATH` asks for permission events of the mount at that path, says "ready", and
   answers none. Its own opens come before. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <unistd.h>

int main(int count, char **words)
{
    int fd = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY);
    if (count != 2 || fd < 0)
        return 1;
    if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM, AT_FDCWD, words[1]) != 0)
        return 2;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
