/* A process whose first thread ends while another one goes on: a zombie, for who looks at its state alone. */
#include <pthread.h>
#include <unistd.h>

/* Not for ever: where a runtime does not reach it, nobody else would end it. */
static void *wait_a_minute(void *argument)
{
    sleep(60);
    return argument;
}

int main(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, wait_a_minute, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}
