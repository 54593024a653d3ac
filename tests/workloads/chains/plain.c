/*
 * Five functions, with frames of different sizes.
 *
 * chain: @start -> main -> outer -> middle -> inner -> leaf
 */
#include "chain.h"

STEP void leaf(void) { burn(); }

STEP void inner(void)
{
    leaf();
    NO_TAIL_CALL;
}

STEP void middle(void)
{
    USE_ALL_REGISTERS;
    inner();
    USE_ALL_REGISTERS;
}

STEP void outer(void)
{
    ROOM(200);
    middle();
    NO_TAIL_CALL;
}

int main(int argc, char **argv) { RUN(argc, argv, outer()); }
