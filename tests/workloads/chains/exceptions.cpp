/*
 * Work while an exception is in flight: in a destructor that the unwinding runs, in the handler, and
 * in the C++ runtime itself, which looks for the handler through 20 frames.
 *
 * chain destructor: @start -> main -> outer -> middle -> Guard::~Guard -> leaf
 * chain catch: @start -> main -> caught -> leaf
 * chain search: @start -> main -> searched | pass*20 -> throws -> ~libstdc++,libgcc_s,libc.so,ld-linux
 */
#include "chain.h"

extern "C" STEP void leaf(void) { burn(); }

STEP void throws()
{
    throw 1;
}

struct Guard {
    STEP ~Guard()
    {
        leaf();
        NO_TAIL_CALL;
    }
};

STEP void middle()
{
    Guard guard;
    throws();
}

STEP void outer()
{
    try {
        middle();
    } catch (int) {
        NO_TAIL_CALL;
    }
}

STEP void caught()
{
    try {
        throws();
    } catch (int) {
        leaf();
        NO_TAIL_CALL;
    }
}

STEP void pass(int left)
{
    if (left > 1)
        pass(left - 1);
    else
        throws();
    NO_TAIL_CALL;
}

STEP void searched()
{
    for (int i = 0; i < 2000; i++) {
        try {
            pass(20);
        } catch (int) {
            NO_TAIL_CALL;
        }
    }
}

int main(int argc, char **argv)
{
    void (*work)() = outer;
    if (argc > 3 && !strcmp(argv[3], "catch"))
        work = caught;
    if (argc > 3 && !strcmp(argv[3], "search"))
        work = searched;
    RUN(argc, argv, work());
}
