// SPDX-License-Identifier: GPL-2.0-only
/*
 * An option may come before the object, after it, or between what is the command's.  A
 * command may have options of its own: what is not known here is left to it.  So this
 * is not done by getopt_long(), which would have to know both.
 */
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "pci/kernel.h"
#include "wrap.h"

/* What options set, apart from those that set something in the session. */
struct settings {
	struct session *session;
	struct words *words;
	const char *colour;
	bool width_given;
	unsigned int width;
};

/**
 * struct option - an option of all objects
 * @letter: short form, 0 for none
 * @name: long form
 * @value: what it takes, for the help; NULL for nothing
 * @help: what it does; NULL for another spelling, which help does not show
 * @set: does it
 */
struct option {
	char letter;
	const char *name;
	const char *value;
	const char *help;
	void (*set)(struct settings *s, char *value);
};

static void set_json(struct settings *s, char *value)
{
	(void)s;
	(void)value;
	output.json = true;
}

static void set_pretty(struct settings *s, char *value)
{
	set_json(s, value);
	output.pretty = true;
}

static void set_numeric(struct settings *s, char *value)
{
	(void)value;
	s->session->source.numeric = true;
}

static void set_dump(struct settings *s, char *value)
{
	s->session->source.dump = value;
}

static void set_acs_defaults(struct settings *s, char *value)
{
	(void)value;
	s->session->source.acs = ACS_DEFAULTS;
}

static void set_acs_as_is(struct settings *s, char *value)
{
	(void)value;
	s->session->source.acs = ACS_AS_IS;
}

static void set_linux(struct settings *s, char *value)
{
	s->session->source.kernel = kernel_version(value);
	if (!s->session->source.kernel)
		usage_error("--linux takes a version such as 6.12, not", value);
}

static void set_root(struct settings *s, char *value)
{
	s->session->source.root = value;
}

static void set_colour(struct settings *s, char *value)
{
	s->colour = value;
}

static void set_width(struct settings *s, char *value)
{
	char *rest;
	unsigned long width = strtoul(value, &rest, 10);

	if (!isdigit((unsigned char)*value) || *rest || width > 100000)
		fail(STATUS_USAGE, "--width takes a number of columns, or 0 for no limit, not \"%s\"",
		     value);
	s->width = width;
	s->width_given = true;
}

static void set_version(struct settings *s, char *value)
{
	(void)value;
	s->words->version = true;
}

static void set_help(struct settings *s, char *value)
{
	(void)value;
	s->words->help = true;
}

static const struct option options[] = {
	{ 'j', "json", NULL, "JSON instead of text", set_json },
	{ 'p', "pretty", NULL, "JSON on several lines", set_pretty },
	{ 'n', "numeric", NULL, "IDs only, no names of devices", set_numeric },
	{ 0, "dump", "FILE", "another machine: a text with the output of lspci -xxxx",
	  set_dump },
	{ 0, "acs-defaults", NULL,
	  "ACS as Linux sets it up with an IOMMU, not as it is",
	  set_acs_defaults },
	{ 0, "acs-as-is", NULL, "ACS as it is, even if no IOMMU is in use",
	  set_acs_as_is },
	{ 0, "linux", "VERSION",
	  "what that Linux does; otherwise the running one, or 6.12",
	  set_linux },
	{ 0, "root", "DIR", "look at DIR/sys, DIR/proc, DIR/dev", set_root },
	{ 0, "colour", "WHEN", "auto, always or never", set_colour },
	{ 0, "color", "WHEN", NULL, set_colour },
	{ 0, "width", "N", "break lines after N columns; 0: never", set_width },
	{ 'V', "version", NULL, "the version", set_version },
	{ 'h', "help", NULL, NULL, set_help },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/**
 * options_help() - print the options
 */
void options_help(void)
{
	char text[40], letter[8];
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		const struct option *o = &options[i];

		if (!o->help)
			continue;
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(text, sizeof(text), "%s--%s%s%s",
			 o->letter ? letter : "    ", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		printf("  %-20s%s\n", text, o->help);
	}
}

/* By its name, or by how that begins as long as only one does; "=" may follow. */
static const struct option *by_name(const char *word, bool whole)
{
	const char *names[COUNT(options)];
	size_t length = strcspn(word, "=");
	char *name = xasprintf("%.*s", (int)length, word);
	size_t i;
	int found = -1;

	for (i = 0; i < COUNT(options); i++) {
		/* Another spelling makes nothing ambiguous */
		names[i] = options[i].value && !options[i].help ? "" :
			   options[i].name;
		if (!strcmp(options[i].name, name))
			found = i;
	}
	if (found < 0 && !whole)
		found = find_abbreviation("--", name, names, COUNT(names));
	free(name);
	return found < 0 ? NULL : &options[found];
}

static const struct option *by_letter(char letter)
{
	size_t i;

	for (i = 0; i < COUNT(options); i++)
		if (letter && options[i].letter == letter)
			return &options[i];
	return NULL;
}

/* Return: whether it is one; then *@at is its last word. */
static bool take_long(struct settings *s, int argc, char **argv, int *at,
		      bool ours)
{
	char *word = argv[*at], *value = strchr(word, '=');
	const struct option *o = by_name(word + 2, !ours);

	if (!o)
		return false;
	if (value && !o->value)
		fail(STATUS_USAGE, "option --%s takes no argument", o->name);
	if (value)
		value++;
	else if (o->value && *at + 1 == argc)
		fail(STATUS_USAGE, "option --%s requires an argument: %s",
		     o->name, o->value);
	else if (o->value)
		value = argv[++*at];
	o->set(s, value);
	return true;
}

/* One or more letters, all of them ours. */
static bool take_letters(struct settings *s, const char *word,
			 const char *others)
{
	const char *at;

	for (at = word + 1; *at; at++)
		if (!by_letter(*at) || strchr(others, *at))
			return false;
	for (at = word + 1; *at; at++)
		by_letter(*at)->set(s, NULL);
	return true;
}

static void add_word(struct words *words, char *word)
{
	words->argv[words->argc++] = word;
}

/* What is not ours is the command's, which takes "--option=value" in two words. */
static void leave_word(struct words *words, char *word)
{
	char *value = word[0] == '-' && word[1] == '-' ? strchr(word, '=') : NULL;

	if (value)
		*value++ = '\0';
	add_word(words, word);
	if (value)
		add_word(words, value);
}

/**
 * options_take() - carry out the options, and leave the other words
 * @words: the result
 * @session: where the machine is, which options say
 * @argc: number of words, with the program's name
 * @argv: the words
 * @letters_of: for the object that a word names, the letters that are its own although
 *	there are options here by these
 *
 * "--" ends the options.
 */
void options_take(struct words *words, struct session *session, int argc,
		  char **argv, const char *(*letters_of)(const char *object))
{
	struct settings s = { session, words, "auto", false, 0 };
	const char *letters = "";
	int i;

	*words = (struct words){
		.argv = xcalloc(2 * argc + 1, sizeof(*words->argv)),
	};
	for (i = 1; i < argc; i++) {
		char *word = argv[i];
		bool ours = !words->argc;

		if (!strcmp(word, "--")) {
			while (++i < argc)
				add_word(words, argv[i]);
			break;
		}
		if (word[0] == '-' && word[1] == '-' ?
		    take_long(&s, argc, argv, &i, ours) :
		    word[0] == '-' && word[1] && take_letters(&s, word, letters))
			continue;
		if (word[0] == '-' && ours)
			usage_error("unrecognized option", word);
		if (ours)
			letters = letters_of(word);
		leave_word(words, word);
	}
	output_colour(s.colour);
	wrap_errors(s.width_given ? s.width : wrap_width(STDERR_FILENO));
	if (!output.json)
		wrap_begin(s.width_given ? s.width : wrap_width(STDOUT_FILENO));
}
