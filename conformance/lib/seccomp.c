/*
 * What the cases about filters of system calls need inside and beside a container:
 *   call NUMBER [ARGUMENT...]    makes one call and prints its result, or -errno
 *   call32 NUMBER [ARGUMENT...]  the same by the 32-bit entry of x86 (three arguments)
 *   agent SOCKET [NUMBER=ERRNO...]  takes the listener of one container and answers: these calls fail with these errnos
 *                                and the others go on. Prints what it got and the number of every call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static long number(const char *text)
{
    return text ? (long)strtoull(text, NULL, 0) : 0;
}

static int call(char **words)
{
    long a[7] = { 0 };
    for (int i = 0; i < 7 && words[i]; i++)
        a[i] = number(words[i]);
    long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    printf("%ld\n", result == -1 ? -errno : result);
    return 0;
}

static int call32(char **words)
{
#ifdef __x86_64__
    long a[4] = { 0 }, result;
    for (int i = 0; i < 4 && words[i]; i++)
        a[i] = number(words[i]);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]) : "memory", "r8", "r9", "r10", "r11");
    printf("%ld\n", result);
#endif
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* The state goes to stdout; the descriptor is returned. */
static int receive(int connection)
{
    static char text[65536];
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec piece = { text, sizeof(text) - 1 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
    int listener = -1;

    if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC) < 0)
        return -1;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&listener, CMSG_DATA(rights), sizeof(listener));
    printf("%s\n", text);
    return listener;
}

static int answer(int listener, char **errnos)
{
    struct seccomp_notif request = { 0 };
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
        return errno == EINTR || errno == ENOENT ? 0 : -1;
    printf("%d\n", request.data.nr);
    struct seccomp_notif_resp response = { .id = request.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
    for (; *errnos; errnos++) {
        if (number(*errnos) != request.data.nr)
            continue;
        response.flags = 0;
        response.error = -(int)number(strchr(*errnos, '=') + 1);
    }
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) && errno != ENOENT ? -1 : 0;
}

static int agent(char **words)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, words[0], sizeof(address.sun_path) - 1);
    if (bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, 8))
        return fail("listen");
    printf("listening\n");
    int connection = accept(server, NULL, NULL);
    int listener = receive(connection);
    char more;
    printf("%s, %s\n", listener < 0 ? "no descriptor" : "a descriptor", read(connection, &more, 1) ? "and more" : "once");
    while (answer(listener, words + 1) == 0)
        ;
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && !strcmp(argv[1], "call"))
        return call(argv + 2);
    if (argc > 2 && !strcmp(argv[1], "call32"))
        return call32(argv + 2);
    if (argc > 2 && !strcmp(argv[1], "agent"))
        return agent(argv + 2);
    return 2;
}
