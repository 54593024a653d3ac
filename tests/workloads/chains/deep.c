/*
 * Recursion: deeper than the kernel's own walk goes, and deeper than any walk goes.
 *
 * chain deep: @start -> main -> descend*200 -> leaf
 * chain deeper: @start -> main -> descend*3000 -> leaf
 */
#include "chain.h"

STEP void leaf(void) { burn(); }

STEP void descend(int left)
{
    if (left > 1)
        descend(left - 1);
    else
        leaf();
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    int depth = argc > 3 && !strcmp(argv[3], "deeper") ? 3000 : 200;
    RUN(argc, argv, descend(depth));
}
