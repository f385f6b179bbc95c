/*
 * Where a standard stream is closed, the next descriptor of ours would be one, and go to the container: the directory of
 * containers, the host's cgroups. Node.js and Go do the same at their start.
 */
#include <fcntl.h>
#include <unistd.h>

/* False when there is no null device. */
static int open_streams(void)
{
    for (int stream = 0; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream)
            return 0;
    return 1;
}
