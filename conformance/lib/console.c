/*
 * Holds a terminal as an engine does: console SOCKET. Listens on SOCKET (relative, since a path may be long), says `ready`
 * on stderr, takes one message, says on stderr how many bytes of data it had, which, and how many descriptors, and copies
 * what the terminal says to stdout. stdin has commands, one in a line: `type TEXT` (with \n, \xNN), `size ROWS COLUMNS`,
 * `hang up`.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int receive(int connection)
{
    char data[4096], control[CMSG_SPACE(8 * sizeof(int))];
    struct iovec piece = { data, sizeof data };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    ssize_t size = recvmsg(connection, &message, 0);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int master = -1;

    if (size < 0 || !head || head->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&master, CMSG_DATA(head), sizeof master);
    fprintf(stderr, "bytes=%zd data=%.*s descriptors=%zu\n", size, (int)size, data,
            (head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    size = recv(connection, data, sizeof data, MSG_DONTWAIT);
    if (size > 0)
        fprintf(stderr, "another message of %zd bytes\n", size);
    return master;
}

static void type(int master, const char *text)
{
    for (; *text; text++) {
        char byte = *text;
        if (*text == '\\' && text[1] == 'n') {
            byte = '\n';
            text++;
        } else if (*text == '\\' && text[1] == 'x') {
            byte = strtol((char[]){ text[2], text[3], 0 }, NULL, 16);
            text += 3;
        }
        if (write(master, &byte, 1) != 1)
            perror("write");
    }
}

/* False when that was the last one. */
static int obey(int master, const char *line)
{
    struct winsize window = { 0 };

    if (strncmp(line, "type ", 5) == 0)
        type(master, line + 5);
    else if (sscanf(line, "size %hu %hu", &window.ws_row, &window.ws_col) == 2)
        ioctl(master, TIOCSWINSZ, &window);
    return strcmp(line, "hang up") != 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct pollfd fds[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
    char line[4096];

    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
        return 2;
    strcpy(address.sun_path, argv[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1))
        return fail("listen");
    fputs("ready\n", stderr);
    fds[1].fd = receive(accept(listener, NULL, NULL));
    if (fds[1].fd < 0)
        return fail("receive");

    for (;;) {
        if (poll(fds, 2, -1) < 0)
            return fail("poll");
        if (fds[1].revents) {
            ssize_t size = read(fds[1].fd, line, sizeof line);
            if (size <= 0) /* nobody has the other end open: not yet, or not any more */
                usleep(20000);
            else if (write(1, line, size) != size)
                return fail("stdout");
        }
        if (fds[0].revents) {
            ssize_t size = read(0, line, sizeof line - 1);
            if (size <= 0)
                return 0;
            line[size] = 0;
            for (char *one = strtok(line, "\n"); one; one = strtok(NULL, "\n"))
                if (!obey(fds[1].fd, one))
                    return 0;
        }
    }
}
