// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid: inspects I/O address spaces and explains how PCI devices are isolated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "isolation/objects.h"
#include "module/objects.h"
#include "options.h"

static const struct object *const objects[] = {
	&isolation_object,
	&p2p_object,
	&acs_object,
	&why_object,
	&context_object,
	&space_object,
	&device_object,
	&area_object,
	&monitor_object,
	&log_object,
	&top_object,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void help(void)
{
	size_t i;

	puts("usage: ioasid [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]\n"
	     "       ioasid OBJECT help\n\n"
	     "objects:");
	for (i = 0; i < COUNT(objects); i++)
		printf("  %-12s%s\n", objects[i]->name, objects[i]->help);
	puts("\noptions, anywhere:");
	options_help();
	puts("\nexit status: 0 yes or done, 1 no, 2 usage, 3 failed, 4 not all is known\n"
	     "See ioasid(8).");
}

static const struct object *find_object(const char *word)
{
	const char *names[COUNT(objects)];
	size_t i;
	int found;

	for (i = 0; i < COUNT(objects); i++)
		names[i] = objects[i]->name;
	found = find_abbreviation("", word, names, COUNT(objects));
	if (found < 0)
		usage_error("there is no object", word);
	return objects[found];
}

/* top counts, and so does not tell -n from --numeric by the letter. */
static const char *letters_of(const char *word)
{
	return strcmp(word, "help") && find_object(word) == &top_object ?
	       "nd" : "";
}

static enum status run(struct session *session, int argc, char **argv)
{
	if (!argc) {
		help();
		return STATUS_USAGE;
	}
	if (!strcmp(argv[0], "help")) {
		if (argc > 1) {
			char *words[] = { "help", NULL };

			return object_run(find_object(argv[1]), session, 1,
					  words);
		}
		help();
		return STATUS_OK;
	}
	return object_run(find_object(argv[0]), session, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	struct session session = { .source.root = "" };
	enum status status = STATUS_OK;
	struct words words;

	options_take(&words, &session, argc, argv, letters_of);
	if (words.version)
		puts("ioasid " VERSION);
	else if (words.help)
		status = run(&session, words.argc ? 2 : 1,
			     (char *[]){ "help", words.argv[0], NULL });
	else
		status = run(&session, words.argc, words.argv);
	if (session.topology)
		topology_free(session.topology);
	free(words.argv);
	return output_close(status);
}
