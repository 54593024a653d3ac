/*
 * A library that is loaded while the program runs (dlopen.c). Built twice, as FIRST and not: where one
 * has a function the other has a hole, or a function with another frame.
 */
#include "chain.h"

#ifdef FIRST
#define NAME(name) first_##name
#define BYTES 100
#else
#define NAME(name) second_##name
#define BYTES 3000
__asm__(".text\n.skip 48, 0x90\n");
#endif

STEP void NAME(leaf)(void) { burn(); }

STEP void NAME(middle)(void)
{
    ROOM(BYTES);
    NAME(leaf)();
    NO_TAIL_CALL;
}

/* Comes back to the program for a moment, and works. */
STEP void plugin_entry(void (*back)(void (*)(void)))
{
    back(NAME(middle));
    NO_TAIL_CALL;
}

STEP void plugin_warm_up(void (*back)(void (*)(void)))
{
    back(warm_up);
    NO_TAIL_CALL;
}
