/*
 * Calls a small function of a library so often that samples fall on the entry of the procedure
 * linkage table between them, which is code of the program without a function around it.
 *
 * chain: @start -> main -> ring -> ~libtick.so,plt
 */
#include "chain.h"

void tick(void);

STEP void ring(void)
{
    ROOM(24);
    for (int i = 0; i < 500000; i++)
        tick();
}

int main(int argc, char **argv) { RUN(argc, argv, ring()); }
