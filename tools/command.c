// SPDX-License-Identifier: GPL-2.0-only
#include "command.h"

#include <stdio.h>
#include <string.h>

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") ||
	       !strcmp(word, "-h");
}

static void object_help(const struct object *object)
{
	const struct command *c;

	printf("%s\n\n", object->help);
	for (c = object->commands; c->name; c++)
		printf("  ioasid [OPTIONS] %s%s%s %s\n      %s\n", object->name,
		       *c->name ? " " : "", c->name, c->arguments, c->help);
	printf("\nSee ioasid-%s(8).\n", object->name);
}

/* A command may be shortened as long as it is clear which one is meant. */
static const struct command *find_command(const struct object *object,
					  const char *word)
{
	const struct command *c, *found = NULL;

	for (c = object->commands; c->name; c++) {
		if (!strcmp(c->name, word))
			return c;
		if (!strncmp(c->name, word, strlen(word))) {
			if (found)
				return NULL;
			found = c;
		}
	}
	return found;
}

/**
 * object_run() - run a command of an object
 * @object: the object
 * @session: options
 * @argc: number of words after the object
 * @argv: these words
 *
 * Return: exit status.
 */
enum status object_run(const struct object *object, struct session *session,
		       int argc, char **argv)
{
	const struct command *c = object->commands;

	if (argc && is_help(argv[0])) {
		object_help(object);
		return STATUS_OK;
	}
	if (!*c->name)
		return c->run(session, argc, argv);
	if (!argc)
		return c->run(session, 0, argv);
	c = find_command(object, argv[0]);
	if (!c)
		fail(STATUS_USAGE, "%s has no command \"%s\"; see ioasid %s help",
		     object->name, argv[0], object->name);
	if (argc > 1 && is_help(argv[1])) {
		object_help(object);
		return STATUS_OK;
	}
	return c->run(session, argc - 1, argv + 1);
}

/**
 * session_topology() - the machine, which is read when it is needed first
 * @session: where it is
 *
 * Says once what could not be read of it.
 *
 * Return: the machine.
 */
const struct topology *session_topology(struct session *session)
{
	struct topology *t = session->topology;

	if (t)
		return t;
	t = session->topology = topology_read(&session->source);
	if (t->blind && t->live)
		warn("the ACS and other registers of %d functions can be read by root only: shown as if they had none",
		     t->blind);
	else if (t->blind)
		warn("the dump lacks registers of %d functions, which are taken to have no ACS: make it with lspci -xxxx, as root",
		     t->blind);
	return t;
}

/**
 * session_function() - the function that a word names
 * @session: where the machine is
 * @address: the word
 *
 * Does not return if there is no such function.
 *
 * Return: its index.
 */
int session_function(struct session *session, const char *address)
{
	const struct topology *t = session_topology(session);
	int index = topology_find(t, address);

	if (index == -2)
		fail(STATUS_USAGE, "\"%s\" is no PCI address; they look like 0000:01:00.0 or 01:00.0",
		     address);
	if (index < 0)
		fail(STATUS_FAILED, "there is no device %s", address);
	return index;
}

/**
 * usage_error() - the end, for a bad command line
 * @what: what is wrong
 * @word: with which word
 */
void usage_error(const char *what, const char *word)
{
	fail(STATUS_USAGE, "%s \"%s\"; see ioasid help", what, word);
}
