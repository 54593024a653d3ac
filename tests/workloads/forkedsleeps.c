/*
 * Processes that look alike: one after the other, each forked from the same one and asleep at the same
 * place, with the same registers and the same stack.
 *
 *   forkedsleeps PROCESSES SLEEPS
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int processes = argc > 2 ? atoi(argv[1]) : 1, sleeps = argc > 2 ? atoi(argv[2]) : 1;
    char line[16];

    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    for (int process = 0; process < processes; process++) {
        pid_t child = fork();
        if (child == 0) {
            for (int sleep = 0; sleep < sleeps; sleep++)
                usleep(500);
            _exit(0);
        }
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return 1;
    }
    printf("done {\"processes\":%d}\n", processes);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) ? 1 : 0;
}
