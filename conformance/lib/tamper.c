// In a container: tries to change whatever can be changed of files that are there: `tamper FILE...`. Prints what worked, and
// keeps a lock on each until its standard input ends.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char capability[20] = {0, 0, 0, 2, 1};

static void tell(const char *path, const char *what, int result) {
  if (result >= 0) printf("%s: %s\n", path, what);
}

static void change(const char *path) {
  const struct timespec times[2] = {{1000, 0}, {1000, 0}};
  int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  tell(path, "chmod", chmod(path, 0667));
  tell(path, "fchmod", fchmod(fd, 0676));
  tell(path, "chown", lchown(path, 7, 7));
  tell(path, "fchown", fchown(fd, 8, 8));
  tell(path, "utimensat", utimensat(AT_FDCWD, path, times, 0));
  tell(path, "utimensat, now", utimensat(AT_FDCWD, path, NULL, 0));
  tell(path, "futimens", futimens(fd, times));
  tell(path, "user.x", setxattr(path, "user.x", "x", 1, 0));
  tell(path, "trusted.x", setxattr(path, "trusted.x", "x", 1, 0));
  tell(path, "security.capability", setxattr(path, "security.capability", capability, sizeof capability, 0));
  tell(path, "security.x", fsetxattr(fd, "security.x", "x", 1, 0));
  tell(path, "lease", fcntl(fd, F_SETLEASE, F_WRLCK));
  char byte = 0;
  if (read(fd, &byte, 1) > 0 || write(fd, &byte, 1) > 0) lseek(fd, 0, SEEK_SET);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    change(argv[i]);
    if (mount(NULL, argv[i], NULL, MS_REMOUNT | MS_BIND, NULL) == 0) change(argv[i]);
    int fd = open(argv[i], O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    flock(fd, LOCK_EX | LOCK_NB);
  }
  printf("done\n");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0);
}
