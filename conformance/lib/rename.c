/* rename DIRECTORY: renames a file to and fro in it, as fast as it can, until it is killed. */
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (count != 2 || chdir(words[1]) != 0)
        return 1;
    fclose(fopen("one", "w"));
    for (;;)
        if (rename("one", "other") != 0 || rename("other", "one") != 0)
            return 1;
}
