// SPDX-License-Identifier: GPL-2.0-only
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci/gaps.h"

#define COMMANDS_MAX 16

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

/**
 * find_abbreviation() - the one of several words that a shorter one stands for
 * @before: what stands before these words when they are typed
 * @word: what was typed, without that
 * @names: the words
 * @nr: how many
 *
 * If more than one begins so, that is said, and does not return.
 *
 * Return: index of the word, -1 if there is none.
 */
int find_abbreviation(const char *before, const char *word,
		      const char *const names[], int nr)
{
	char *all = NULL, *longer;
	int i, found = -1, n = 0;

	for (i = 0; i < nr; i++) {
		if (!strcmp(names[i], word))
			return i;
		if (!*word || strncmp(names[i], word, strlen(word)))
			continue;
		found = i;
		longer = xasprintf("%s%s%s%s", all ? all : "", n++ ? ", " : "",
				   before, names[i]);
		free(all);
		all = longer;
	}
	if (n > 1)
		fail(STATUS_USAGE, "\"%s%s\" is ambiguous: %s", before, word,
		     all);
	free(all);
	return found;
}

/* A command may be shortened as long as it is clear which one is meant. */
static const struct command *find_command(const struct object *object,
					  const char *word)
{
	const char *names[COMMANDS_MAX];
	int nr, found;

	for (nr = 0; object->commands[nr].name; nr++)
		names[nr] = object->commands[nr].name;
	found = find_abbreviation("", word, names, nr);
	return found < 0 ? NULL : &object->commands[found];
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
	gaps_warn(t, session->source.dump);
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
 * session_json() - where an answer is from, in that answer
 * @session: where the machine is
 * @answer: an object, which gets a member
 *
 * Return: @answer.
 */
json_t *session_json(const struct session *session, json_t *answer)
{
	json_object_set_new(xjson(answer), "source",
			    gaps_json(session->topology,
				      session->source.dump));
	return answer;
}

/**
 * session_status() - the exit status of an answer
 * @session: where the machine is
 * @complete: nothing in the answer had to be left unknown
 *
 * Return: exit status.
 */
enum status session_status(const struct session *session, bool complete)
{
	return complete || !gaps_any(session->topology) ? STATUS_OK :
							  STATUS_UNKNOWN;
}

/**
 * session_live() - the end, if the options name another machine
 * @session: the options
 */
void session_live(const struct session *session)
{
	if (session->source.dump)
		fail(STATUS_USAGE, "a dump shows PCI devices, not who uses them: this is about the running kernel only");
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
