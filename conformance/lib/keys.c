/*
 * What the cases about keyrings need inside and beside a container:
 *   put TEXT          puts a key with this content into the session keyring
 *   guess NAME [UID]  as that user, makes a session keyring of this name that everybody may join, says "ready", and after a
 *                     line of input prints what keys have been put there, and the content of each
 *   fill              makes as many keys as its user may have, says "ready", and has them until its input ends
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVERYBODY_EVERYTHING 0x3f3f3f3f

static long keyctl(int operation, long a, long b, long c)
{
    return syscall(SYS_keyctl, operation, a, b, c);
}

static int put(const char *text)
{
    return syscall(SYS_add_key, "user", "secret", text, strlen(text), KEY_SPEC_SESSION_KEYRING) < 0;
}

static int guess(const char *name, const char *user)
{
    if (user && setuid(atoi(user)) != 0)
        return 1;
    long keyring = keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0);
    if (keyring < 0 || keyctl(KEYCTL_SETPERM, keyring, EVERYBODY_EVERYTHING, 0) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    getchar();
    int keys[64];
    long size = keyctl(KEYCTL_READ, keyring, (long)keys, sizeof keys);
    for (int i = 0; i < size / (long)sizeof *keys; i++) {
        char text[256] = "";
        keyctl(KEYCTL_READ, keys[i], (long)text, sizeof text - 1);
        puts(text);
    }
    return 0;
}

static int fill(void)
{
    char name[32];
    for (int i = 0; snprintf(name, sizeof name, "filler-%d", i) > 0; i++)
        if (syscall(SYS_add_key, "user", name, "x", 1, KEY_SPEC_PROCESS_KEYRING) < 0)
            break;
    if (errno != EDQUOT)
        return 1;
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "put") == 0)
        return put(words[2]);
    if (count >= 3 && strcmp(words[1], "guess") == 0)
        return guess(words[2], words[3]);
    if (count == 2 && strcmp(words[1], "fill") == 0)
        return fill();
    return 2;
}
