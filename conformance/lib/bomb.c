/* A fork bomb: whoever is born makes others. Not for ever: where a test is interrupted, nobody else would end it. */
#include <time.h>
#include <unistd.h>

int main(void)
{
    for (time_t end = time(NULL) + 60; time(NULL) < end;)
        if (fork() < 0)
            usleep(1000);
}
