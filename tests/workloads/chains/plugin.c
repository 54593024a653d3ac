/*
 * A library that is loaded while the program runs (dlopen.c). Built twice, as FIRST and not: the same
 * addresses then have functions with other frames.
 */
#include "chain.h"

#ifdef FIRST
#define NAME(name) first_##name
#define BYTES 100
#else
#define NAME(name) second_##name
#define BYTES 3000
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
