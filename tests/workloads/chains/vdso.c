/*
 * Asks for the time, which the kernel's own library in every process answers.
 *
 * chain: @start -> main -> asks -> ~libc.so,[vdso]
 */
#include "chain.h"

STEP void asks(void)
{
    struct timespec now;
    for (int i = 0; i < 200000; i++)
        clock_gettime(CLOCK_MONOTONIC, &now);
}

int main(int argc, char **argv) { RUN(argc, argv, asks()); }
