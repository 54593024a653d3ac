/* Bound by its disk: four branches of a bank write their ledgers, and sync every entry, for as many
 * seconds as it is told. */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BRANCHES 4
#define ENTRY (512 * 1024)
#define PAGE 4096
#define LONGEST (16 * 1024 * 1024)

static time_t closing;

static void number_pages(char *entry, unsigned number)
{
	for (size_t i = 0; i < ENTRY; i += PAGE)
		entry[i] = (char)(number + i / PAGE);
}

/* Functions of their own, for the C library has no frame pointers: a stack that ends in it lacks the
 * function that called it. */
static void sync_to_disk(int file)
{
	if (fsync(file) != 0)
		exit(1);
}

static void write_entry(int file, const char *entry, off_t at)
{
	if (pwrite(file, entry, ENTRY, at) != ENTRY)
		exit(1);
}

static void append_entry(int file, char *entry, unsigned number)
{
	number_pages(entry, number);
	write_entry(file, entry, (off_t)number * ENTRY % LONGEST);
	sync_to_disk(file);
}

static void *branch(void *name)
{
	char *entry = calloc(1, ENTRY);
	int file = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (!entry || file < 0)
		exit(1);
	for (unsigned number = 0; time(NULL) < closing; number++)
		append_entry(file, entry, number);
	close(file);
	free(entry);
	return NULL;
}

int main(int count, char **args)
{
	static char names[BRANCHES][32];
	pthread_t branches[BRANCHES];
	closing = time(NULL) + (count > 1 ? atoi(args[1]) : 10);
	for (int i = 0; i < BRANCHES; i++)
		snprintf(names[i], sizeof names[i], "ledger-%d.dat", i + 1);
	for (int i = 1; i < BRANCHES; i++)
		if (pthread_create(&branches[i], NULL, branch, names[i]) != 0)
			return 1;
	branch(names[0]);
	for (int i = 1; i < BRANCHES; i++)
		pthread_join(branches[i], NULL);
}
