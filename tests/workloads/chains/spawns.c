/*
 * Has children that become another program at once (its argument after the label), one after the
 * other. Linked to a fixed place as that is, so that each has code where the other has some.
 *
 * chain: @start -> main -> of_the_parent -> leaf_of_the_parent
 */
#include "chain.h"
#include <sys/wait.h>

STEP void leaf_of_the_parent(void) { burn(); }

/* As much code as another program may have. */
STEP void of_the_parent(void)
{
    ROOM(300);
    leaf_of_the_parent();
    __asm__ volatile(".fill 65536, 1, 0x90");
    NO_TAIL_CALL;
}

static double spawn(char *program)
{
    struct rusage usage;
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "3", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
    getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct plan plan = begin(argc, argv);
    double children = 0;

    FOR_SECONDS(plan.warm_up, of_the_parent());
    while (children < plan.seconds)
        children = spawn(argv[4]);
    return finish(children);
}
