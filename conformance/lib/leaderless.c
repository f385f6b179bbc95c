/* A process whose first thread ends while another one goes on: a zombie, for who looks at its state alone. */
#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

int main(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, wait_for_ever, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}
