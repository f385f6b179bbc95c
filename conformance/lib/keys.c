/*
 * What the cases about keyrings need inside and beside a container:
 *   put TEXT          puts a key with this content into the session keyring
 *   guess NAME [UID]  as that user, makes a session keyring of this name that everybody may join, says "ready", and after a
 *                     line of input prints what keys have been put there, and the content of each
 */
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

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "put") == 0)
        return put(words[2]);
    if (count >= 3 && strcmp(words[1], "guess") == 0)
        return guess(words[2], words[3]);
    return 2;
}
