/*
 * Frames whose size only the running program knows, and frames of unusual form.
 *
 * chain alloca: @start -> main -> outer -> with_alloca -> leaf
 * chain vla: @start -> main -> outer -> with_vla -> leaf
 * chain aligned: @start -> main -> outer -> aligned -> leaf
 * chain realigned: @start -> main -> outer -> realigned -> leaf
 * chain large: @start -> main -> outer -> large -> leaf
 * chain arguments: @start -> main -> outer -> many_arguments -> leaf
 */
#include "chain.h"
#include <alloca.h>

static volatile uint64_t sink;
static const char *volatile label;

STEP void leaf(void) { burn(); }

STEP void with_alloca(size_t size)
{
    volatile char *room = alloca(size);
    room[0] = 1;
    leaf();
    room[size - 1] = room[0];
}

STEP void with_vla(size_t size)
{
    volatile uint64_t room[size], more[size / 2 + 1];
    room[0] = more[0] = 1;
    leaf();
    room[size - 1] = more[size / 2] = room[0];
}

/* More than the 16 bytes that callers guarantee: the function rounds its stack pointer down. */
STEP void aligned(void)
{
    volatile char room[100] __attribute__((aligned(256)));
    room[0] = 1;
    leaf();
    room[99] = room[0];
}

/* Both at once: then the way back is kept in a register or in memory (DW_CFA_def_cfa_expression). */
STEP void realigned(size_t size)
{
    volatile char room[100] __attribute__((aligned(256)));
    volatile char *more = alloca(size);
    room[0] = more[0] = 1;
    leaf();
    room[99] = more[size - 1] = room[0];
}

/* Offsets that do not fit into 16 bits, nor into 20. */
STEP void large(void)
{
    ROOM(3000000);
    leaf();
    NO_TAIL_CALL;
}

/* Arguments on the stack, pushed by the caller while it needs them. */
STEP void many_arguments(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j)
{
    leaf();
    sink += a + b + c + d + e + f + g + h + i + j;
}

STEP void outer(void)
{
    static size_t size = 100;
    size = size % 5000 + 100; /* another frame every time */
    if (!strcmp(label, "alloca"))
        with_alloca(size);
    else if (!strcmp(label, "vla"))
        with_vla(size);
    else if (!strcmp(label, "aligned"))
        aligned();
    else if (!strcmp(label, "realigned"))
        realigned(size);
    else if (!strcmp(label, "large"))
        large();
    else
        many_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    label = argc > 3 ? argv[3] : "";
    RUN(argc, argv, outer());
}
