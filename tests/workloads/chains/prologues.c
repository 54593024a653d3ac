/*
 * Functions that do little but save and restore registers and make room on the stack, so that
 * samples fall on every one of their instructions. Wherever one falls, the chain up to there is
 * whole.
 *
 * chain: @start -> main -> outer | first -> second -> third
 */
#include "chain.h"

STEP void third(void)
{
    ROOM(500);
    USE_ALL_REGISTERS;
}

STEP void second(void)
{
    ROOM(40);
    USE_ALL_REGISTERS;
    third();
    NO_TAIL_CALL;
}

STEP void first(void)
{
    USE_ALL_REGISTERS;
    second();
    USE_ALL_REGISTERS;
}

STEP void outer(void)
{
    for (int i = 0; i < 500000; i++)
        first();
}

int main(int argc, char **argv) { RUN(argc, argv, outer()); }
