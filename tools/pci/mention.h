/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a text says of a function in one place, and which of these places counts.
 */
#ifndef IOASID_MENTION_H
#define IOASID_MENTION_H

#include <stdbool.h>
#include <stdint.h>

#define SPACE_SIZE 4096

/**
 * struct space - the configuration space of a function, as far as it was told
 * @bytes: the registers
 * @known: a bit for each
 * @nr: how many are known
 * @end: offset behind the last
 */
struct space {
	uint8_t bytes[SPACE_SIZE];
	uint8_t known[SPACE_SIZE / 8];
	unsigned int nr;
	unsigned int end;
};

/**
 * struct mention - what a text says of a function in one place
 * @domain: its address
 * @bus: same
 * @devfn: same
 * @listing: number of the listing
 * @name: what it is called there
 * @node: its NUMA node, -1 if the text has none
 * @space: its registers, NULL if there is none
 */
struct mention {
	unsigned int domain;
	uint8_t bus, devfn;
	unsigned int listing;
	int node;
	char *name;
	struct space *space;
};

int mention_order(const void *left, const void *right);
bool space_knows(const struct space *space, unsigned int offset);
int mentions_choose(const struct mention *mentions, int nr,
		    struct mention *functions, unsigned int *listings,
		    unsigned int *unused);

#endif
