// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid: inspects I/O address spaces and explains how PCI devices are isolated.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "isolation/objects.h"
#include "module/objects.h"
#include "pci/kernel.h"

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
	puts("\n"
	     "options:\n"
	     "  -j, --json          JSON instead of text\n"
	     "  -p, --pretty        with -j: on several lines\n"
	     "  -n, --numeric       IDs only, no names of devices\n"
	     "      --dump FILE     another machine: the output of lspci -xxxx\n"
	     "      --acs-defaults  ACS as Linux sets it up with an IOMMU, not as it is\n"
	     "      --acs-as-is     ACS as it is, even if no IOMMU is in use\n"
	     "      --linux VERSION what that Linux does; otherwise the running one, or 6.12\n"
	     "      --root DIR      look at DIR/sys, DIR/proc, DIR/dev\n"
	     "      --colour WHEN   auto, always or never\n"
	     "  -V, --version       the version\n\n"
	     "exit status: 0 yes or done, 1 no, 2 usage, 3 failed\n"
	     "See ioasid(8).");
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "numeric", no_argument, NULL, 'n' },
	{ "dump", required_argument, NULL, 'd' },
	{ "acs-defaults", no_argument, NULL, 'a' },
	{ "acs-as-is", no_argument, NULL, 'i' },
	{ "linux", required_argument, NULL, 'l' },
	{ "root", required_argument, NULL, 'r' },
	{ "colour", required_argument, NULL, 'c' },
	{ "color", required_argument, NULL, 'c' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static const struct object *find_object(const char *word)
{
	const struct object *found = NULL;
	size_t i;

	for (i = 0; i < COUNT(objects); i++) {
		if (!strcmp(objects[i]->name, word))
			return objects[i];
		if (!strncmp(objects[i]->name, word, strlen(word))) {
			if (found)
				usage_error("not clear which object is", word);
			found = objects[i];
		}
	}
	if (!found)
		usage_error("there is no object", word);
	return found;
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
	const char *colour = "auto";
	enum status status;
	int c;

	/* "+": options end at the object; what follows is the command's */
	while ((c = getopt_long(argc, argv, "+jpnVh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			output.json = true;
			break;
		case 'p':
			output.pretty = true;
			break;
		case 'n':
			session.source.numeric = true;
			break;
		case 'd':
			session.source.dump = optarg;
			break;
		case 'a':
			session.source.acs = ACS_DEFAULTS;
			break;
		case 'i':
			session.source.acs = ACS_AS_IS;
			break;
		case 'l':
			session.source.kernel = kernel_version(optarg);
			if (!session.source.kernel)
				usage_error("--linux takes a version such as 6.12, not",
					    optarg);
			break;
		case 'r':
			session.source.root = optarg;
			break;
		case 'c':
			colour = optarg;
			break;
		case 'V':
			puts("ioasid " VERSION);
			return output_close(STATUS_OK);
		case 'h':
			help();
			return output_close(STATUS_OK);
		default:
			return STATUS_USAGE;
		}
	}
	output_colour(colour);
	status = run(&session, argc - optind, argv + optind);
	if (session.topology)
		topology_free(session.topology);
	return output_close(status);
}
