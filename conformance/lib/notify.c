// A program that talks to a service manager as sd_notify(3) does: each word is a message to $NOTIFY_SOCKET, but `sleep`,
// which waits for a second, and `wait`, which waits for ever. `flood` is 2000 messages with two descriptors each.

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int tell(const char *message) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || strlen(path) >= sizeof address.sun_path) return fprintf(stderr, "no NOTIFY_SOCKET\n"), 1;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, sizeof address) < 0) return perror(path), 1;
  close(fd);
  return 0;
}

static int flood(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, getenv("NOTIFY_SOCKET"));
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2] = {fd, fd};
  char text[] = "STATUS=flood", space[CMSG_SPACE(sizeof pair)] = {0};
  struct iovec piece = {text, sizeof text - 1};
  struct msghdr message = {&address, sizeof address, &piece, 1, space, sizeof space, 0};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET, rights->cmsg_type = SCM_RIGHTS, rights->cmsg_len = CMSG_LEN(sizeof pair);
  memcpy(CMSG_DATA(rights), pair, sizeof pair);
  for (int i = 0; i < 2000; i++)
    if (sendmsg(fd, &message, 0) < 0) return perror("flood"), 1;
  return 0;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "sleep") == 0) sleep(1);
    else if (strcmp(argv[i], "wait") == 0) pause();
    else if (strcmp(argv[i], "flood") == 0 && flood() != 0) return 1;
    else if (strcmp(argv[i], "flood") == 0) continue;
    else if (tell(argv[i]) != 0) return 1;
  }
  return 0;
}
