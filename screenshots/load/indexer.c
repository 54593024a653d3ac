/* Counts the words of all files below a folder, again and again: the load's own program, built
 * with frame pointers, as programs are whose stacks a profile should show. */

#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOTS (1u << 16)
#define LONGEST 63

struct word {
	char text[LONGEST + 1];
	uint64_t count;
};

static struct word table[SLOTS];
static struct word ranked[SLOTS];

static uint32_t hash_word(const char *text)
{
	uint32_t hash = 2166136261u;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static void count_word(const char *text)
{
	uint32_t slot = hash_word(text) % SLOTS;
	for (uint32_t step = 0; step < SLOTS; step++, slot = (slot + 1) % SLOTS) {
		if (table[slot].count == 0)
			strcpy(table[slot].text, text);
		else if (strcmp(table[slot].text, text) != 0)
			continue;
		table[slot].count++;
		return;
	}
}

static void split_words(const char *text, size_t length)
{
	char word[LONGEST + 1];
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		if (isalnum((unsigned char)text[i])) {
			if (used < LONGEST)
				word[used++] = tolower((unsigned char)text[i]);
		} else if (used > 0) {
			word[used] = '\0';
			count_word(word);
			used = 0;
		}
	}
}

static void index_file(const char *path)
{
	char buffer[64 * 1024];
	size_t length;
	FILE *file = fopen(path, "r");
	if (!file)
		return;
	while ((length = fread(buffer, 1, sizeof buffer, file)) > 0)
		split_words(buffer, length);
	fclose(file);
}

static void index_folder(const char *folder)
{
	struct dirent *entry;
	char path[4096];
	DIR *open = opendir(folder);
	if (!open)
		return;
	while ((entry = readdir(open))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR)
			index_folder(path);
		else if (entry->d_type == DT_REG)
			index_file(path);
	}
	closedir(open);
}

static int by_count(const void *a, const void *b)
{
	const struct word *one = a, *other = b;
	return (one->count < other->count) - (one->count > other->count);
}

static void rank_words(void)
{
	memcpy(ranked, table, sizeof table);
	qsort(ranked, SLOTS, sizeof *ranked, by_count);
}

static void write_index(const char *path)
{
	FILE *file = fopen(path, "w");
	if (!file)
		return;
	for (uint32_t i = 0; i < 1000 && ranked[i].count > 0; i++)
		fprintf(file, "%s %llu\n", ranked[i].text, (unsigned long long)ranked[i].count);
	fflush(file);
	fsync(fileno(file));
	fclose(file);
}

int main(int count, char **args)
{
	if (count != 3) {
		fprintf(stderr, "usage: indexer FOLDER OUTPUT\n");
		return 2;
	}
	for (;;) {
		memset(table, 0, sizeof table);
		index_folder(args[1]);
		rank_words();
		write_index(args[2]);
		usleep(20 * 1000);
	}
}
