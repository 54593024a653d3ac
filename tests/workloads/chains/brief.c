/*
 * Works for 50 milliseconds, or as many as it is told, and is gone, before anybody could look at it.
 * No dialogue: the test runs it again and again.
 *
 * chain: @start -> main -> outer -> middle -> leaf
 */
/* It is to end in time, even after three milliseconds. */
#define TURNS 4000000
#include "chain.h"

STEP void leaf(void) { burn(); }

STEP void middle(void)
{
    USE_ALL_REGISTERS;
    leaf();
    USE_ALL_REGISTERS;
}

STEP void outer(void)
{
    ROOM(104);
    middle();
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    FOR_SECONDS(argc > 1 ? atof(argv[1]) / 1e3 : 0.05, outer());
    return 0;
}
