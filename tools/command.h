/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects and their commands.  Each object has a table of commands.  A new command
 * is a row in that table; a new object is a row in main.c and a line in the
 * objects.h of its folder.
 */
#ifndef IOASID_COMMAND_H
#define IOASID_COMMAND_H

#include "output.h"
#include "pci/read.h"
#include "pci/topology.h"

/**
 * struct session - the options given before the object
 * @source: where the PCI devices are read from
 * @topology: the devices, once read
 */
struct session {
	struct topology_source source;
	struct topology *topology;
};

/**
 * struct command - one command of an object
 * @name: what people type
 * @arguments: for the usage line
 * @help: what it does, in a line
 * @run: does it; arguments without the name, NULL at their end
 */
struct command {
	const char *name;
	const char *arguments;
	const char *help;
	enum status (*run)(struct session *session, int argc, char **argv);
};

/**
 * struct object - what commands are about
 * @name: what people type
 * @help: what it is, in a line
 * @commands: up to one without a name; the first is the default.  If that has
 *	an empty name, the object is a command itself
 */
struct object {
	const char *name;
	const char *help;
	const struct command *commands;
};

enum status object_run(const struct object *object, struct session *session,
		       int argc, char **argv);
const struct topology *session_topology(struct session *session);
json_t *session_json(const struct session *session, json_t *answer);
enum status session_status(const struct session *session, bool complete);
int session_function(struct session *session, const char *address);
int find_abbreviation(const char *before, const char *word,
		      const char *const names[], int nr);
void session_live(const struct session *session);
void usage_error(const char *what, const char *word)
	__attribute__((noreturn));

#endif
