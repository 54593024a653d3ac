/*
 * Loads a library in mid-run, works in it, takes it out, and does the same with another one, which
 * most likely lies where the first did. The libraries are its arguments after the label.
 *
 * chain first: @start -> main -> uses -> plugin_entry -> back -> first_middle -> first_leaf
 * chain second: @start -> main -> uses -> plugin_entry -> back -> second_middle -> second_leaf
 */
#include "chain.h"
#include <dlfcn.h>

typedef void entry(void (*back)(void (*)(void)));

STEP void back(void (*work)(void))
{
    USE_ALL_REGISTERS;
    work();
    USE_ALL_REGISTERS;
}

STEP void uses(entry *enter)
{
    enter(back);
    NO_TAIL_CALL;
}

static entry *find(void *library, const char *name)
{
    entry *found = library ? (entry *)dlsym(library, name) : NULL;
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return found;
}

int main(int argc, char **argv)
{
    struct plan plan = begin(argc, argv);
    double spent = 0;

    FOR_SECONDS(plan.warm_up, warm_up());
    for (int i = 4; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW);
        entry *enter = find(library, "plugin_entry"), *warm = find(library, "plugin_warm_up");
        FOR_SECONDS(plan.warm_up, uses(warm));
        double before = cpu_seconds();
        FOR_SECONDS(plan.seconds / (argc - 4), uses(enter));
        spent += cpu_seconds() - before;
        dlclose(library);
    }
    return finish(spent);
}
