/*
 * A library that calls back: what the C library does between sorted() and compare() has to be
 * unwound with the library's own tables.
 *
 * chain: @start -> main -> sorted -> @in:libc.so -> compare -> leaf
 */
#include "chain.h"

STEP void leaf(void) { burn(); }

STEP int compare(const void *one, const void *other)
{
    leaf();
    return *(const int *)one - *(const int *)other;
}

STEP void sorted(void)
{
    int numbers[] = {3, 1, 2, 5, 4};
    qsort(numbers, 5, sizeof *numbers, compare);
    NO_TAIL_CALL;
}

int main(int argc, char **argv) { RUN(argc, argv, sorted()); }
