/* Bound by its disk: a ledger that syncs every entry, for as many seconds as it is told. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENTRY (64 * 1024)
#define LONGEST (64 * 1024 * 1024)

static char entry[ENTRY];

static void fill_entry(unsigned number)
{
	for (size_t i = 0; i < sizeof entry; i++)
		entry[i] = (char)(number + i);
}

static void sync_to_disk(int file)
{
	if (fsync(file) != 0)
		exit(1);
}

static void append_entry(int file, unsigned number)
{
	fill_entry(number);
	if (lseek(file, 0, SEEK_CUR) >= LONGEST)
		lseek(file, 0, SEEK_SET);
	if (write(file, entry, sizeof entry) != sizeof entry)
		exit(1);
	sync_to_disk(file);
}

int main(int count, char **args)
{
	time_t end = time(NULL) + (count > 1 ? atoi(args[1]) : 10);
	int file = open("ledger.dat", O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (file < 0)
		return 1;
	for (unsigned number = 0; time(NULL) < end; number++)
		append_entry(file, number);
	close(file);
}
