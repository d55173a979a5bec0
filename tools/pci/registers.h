/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which registers of a function can be read.  libpci gives ones for those that cannot,
 * and ends a list of capabilities there.
 */
#ifndef IOASID_REGISTERS_H
#define IOASID_REGISTERS_H

#include <stdbool.h>

struct dump;
struct pci_dev;

/**
 * struct registers - those of a function
 * @dev: the function
 * @dump: where they are from, NULL for the running system
 */
struct registers {
	struct pci_dev *dev;
	const struct dump *dump;
};

bool registers_known(const struct registers *r, unsigned int offset,
		     unsigned int size);
bool registers_answer(const struct registers *r);
bool registers_list_known(const struct registers *r);
bool registers_extended_known(const struct registers *r);

#endif
