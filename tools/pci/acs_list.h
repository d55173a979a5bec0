/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lists of pci=config_acs= and pci=disable_acs_redir=, read as the kernel reads them
 * for one device after the other, and what they make of its ACS registers.
 */
#ifndef IOASID_ACS_LIST_H
#define IOASID_ACS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci/bootline.h"
#include "pci/kernel.h"

struct topology;

#define ACS_REDIRECTS (ACS_RR | ACS_CR | ACS_EC)

/**
 * enum acs_reading - how far the kernel came in a list, for a device
 * @LIST_NOTHING: to the end: no entry is for this device
 * @LIST_MATCH: to an entry that is for it
 * @LIST_NO_FLAGS: to an entry without flags: it stops there
 * @LIST_BAD_FLAGS: to flags that are not made of 0, 1 and x
 * @LIST_HIGH_FLAGS: to flags with 0 or 1 for a bit that there is not
 * @LIST_BAD_DEVICE: to a device that it cannot read
 * @LIST_TAIL: to an entry with something behind it that it cannot read
 */
enum acs_reading {
	LIST_NOTHING,
	LIST_MATCH,
	LIST_NO_FLAGS,
	LIST_BAD_FLAGS,
	LIST_HIGH_FLAGS,
	LIST_BAD_DEVICE,
	LIST_TAIL,
};

/**
 * struct acs_entry - where the kernel stopped in a list
 * @reading: and why
 * @at: the beginning of that entry
 * @mask: with LIST_MATCH: ACS_* bits that get a value
 * @flags: and that are to be on
 * @seen: the same two of this entry and all before it, for kernels that add them up
 */
struct acs_entry {
	enum acs_reading reading;
	const char *at;
	uint16_t mask, flags;
	struct {
		uint16_t mask, flags;
	} seen;
};

/**
 * struct acs_state - what an ACS control register is then
 * @on: ACS_* bits that are on
 * @unknown: bits that are as the firmware has left them
 * @named: a list names the device
 */
struct acs_state {
	uint16_t on;
	uint16_t unknown;
	bool named;
};

struct acs_entry acs_list_read(const struct topology *t, int index,
			       const char *list, enum pci_option kind);
bool acs_list_device(const struct topology *t, int index, const char *device,
		     const char **end, bool *fits);
struct acs_state acs_list_outcome(const struct topology *t, int index,
				  const struct bootline *line, bool defaults);
uint16_t acs_list_drift(const struct topology *t, int index,
			const struct bootline *line);

#endif
