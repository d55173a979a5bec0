/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of what processes have keeps a device.
 */
#ifndef IOASID_KEEPER_H
#define IOASID_KEEPER_H

#include "isolation/finding.h"
#include "pci/holder.h"

/**
 * enum sureness - does something keep a device?
 * @NOT: no
 * @MAYBE: it keeps something, and nothing tells what
 * @SURE: yes
 */
enum sureness {
	NOT,
	MAYBE,
	SURE,
};

/**
 * struct keeper - a process that keeps a device
 * @process: the process
 * @what: what it has of it, as text
 * @json: likewise, as an array
 * @name: the node, or ""
 * @by_memory: by nothing but memory that is mapped
 */
struct keeper {
	struct process process;
	char *what;
	json_t *json;
	const char *name;
	bool by_memory;
};

enum sureness keeper_sureness(const struct check *c, int index,
			      const struct hold *hold);
bool keeper_next(const struct check *c, int index, int *next,
		 struct keeper *keeper);
json_t *keeper_json(struct keeper *keeper);
json_t *keepers_json(const struct check *c, int index);
const char *keeper_end(bool by_memory);

#endif
