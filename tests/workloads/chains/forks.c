/*
 * Children that go on in the same program, without exec: one that stays, or many that live for 50
 * milliseconds each. Parent and children have the same mappings under another PID. Forking and ending
 * themselves take time, too; those stacks are as whole.
 *
 * chain one: @start -> main -> child -> outer -> leaf
 * chain many: @start -> main -> child -> outer -> leaf
 * also: @start -> main -> child -> ~libc.so
 * also: @start -> main -> ~libc.so
 */
#include "chain.h"
#include <sys/wait.h>

STEP void leaf(void) { burn(); }

STEP void outer(void)
{
    ROOM(56);
    leaf();
    NO_TAIL_CALL;
}

STEP void child(double seconds)
{
    pid_t pid = fork();
    if (pid == 0) {
        FOR_SECONDS(seconds, outer());
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        exit(1);
}

static double children_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    struct plan plan = begin(argc, argv);

    FOR_SECONDS(plan.warm_up, warm_up());
    if (!strcmp(plan.label, "one")) {
        child(plan.seconds);
    } else {
        while (children_seconds() < plan.seconds)
            child(0.05);
    }
    return finish(children_seconds());
}
