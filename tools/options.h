/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options that all objects have, wherever they are on the command line.
 */
#ifndef IOASID_OPTIONS_H
#define IOASID_OPTIONS_H

#include <stdbool.h>

#include "command.h"

/**
 * struct words - what is left of a command line
 * @argc: how many words: the object and what is the command's
 * @argv: these, and NULL; to be freed
 * @help: --help is among the options
 * @version: --version is
 */
struct words {
	int argc;
	char **argv;
	bool help;
	bool version;
};

void options_take(struct words *words, struct session *session, int argc,
		  char **argv, const char *(*letters_of)(const char *object));
void options_help(void);

#endif
