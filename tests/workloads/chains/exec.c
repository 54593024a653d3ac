/*
 * Works, and becomes another program (its argument after the label), which works, too.
 *
 * chain: @start -> main -> before -> leaf_before
 */
#include "chain.h"

STEP void leaf_before(void) { burn(); }

STEP void before(void)
{
    ROOM(600);
    leaf_before();
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    struct plan plan = begin(argc, argv);

    FOR_SECONDS(plan.warm_up, warm_up());
    FOR_SECONDS(plan.seconds, before());
    setenv("CHAIN_GOES_ON", "1", 1);
    execl(argv[4], argv[4], argv[1], argv[2], (char *)NULL);
    perror(argv[4]);
    return 1;
}
