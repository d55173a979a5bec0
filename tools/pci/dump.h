/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output of lspci -xxxx as people keep it: in a file, in a bug report, compressed,
 * posted in a forum and copied from there.  What is an address or a register is taken
 * out of it, and libpci is given that and nothing else.
 */
#ifndef IOASID_DUMP_H
#define IOASID_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#define DUMP_FIRST 5

/**
 * struct dump_lines - lines of one kind
 * @nr: how many there are
 * @first: numbers of the first ones, from 1
 * @last: number of the last one
 */
struct dump_lines {
	unsigned long nr;
	unsigned long first[DUMP_FIRST];
	unsigned long last;
};

/**
 * struct dump_report - what has been made of a text
 * @lines: how many lines it has
 * @left_out: those that are neither a listing's nor empty, @damaged among them
 * @damaged: those that look like registers and could not be used, or not in whole
 * @listings: listings that it has, such as those of several calls of lspci
 * @unused: those that tell of functions that another tells of
 * @broken: it is compressed, and breaks off
 */
struct dump_report {
	unsigned long lines;
	struct dump_lines left_out;
	struct dump_lines damaged;
	unsigned int listings;
	unsigned int unused;
	bool broken;
};

struct dump;

struct dump *dump_read(const char *name);
void dump_free(struct dump *dump);
int dump_memfd(const struct dump *dump);
const char *dump_name(const struct dump *dump, unsigned int domain, uint8_t bus,
		      uint8_t devfn);
bool dump_knows(const struct dump *dump, unsigned int domain, uint8_t bus,
		uint8_t devfn, unsigned int offset, unsigned int size);
int dump_node(const struct dump *dump, unsigned int domain, uint8_t bus,
	      uint8_t devfn);
const struct dump_report *dump_report(const struct dump *dump);

#endif
