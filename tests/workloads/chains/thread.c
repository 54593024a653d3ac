/*
 * A thread: its stack begins not at main().
 *
 * chain: @thread -> thread_main -> outer -> leaf
 */
#include "chain.h"
#include <pthread.h>

static struct plan plan;
static double spent;

STEP void leaf(void) { burn(); }

STEP void outer(void)
{
    USE_ALL_REGISTERS;
    leaf();
    USE_ALL_REGISTERS;
}

STEP void *thread_main(void *unused)
{
    FOR_SECONDS(plan.warm_up, warm_up());
    double before = cpu_seconds();
    FOR_SECONDS(plan.seconds, outer());
    spent = cpu_seconds() - before;
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    plan = begin(argc, argv);
    if (pthread_create(&thread, NULL, thread_main, NULL) || pthread_join(thread, NULL))
        return 1;
    return finish(spent);
}
