/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space: bytes, and what a write does to them.
 */
#ifndef IOSIM_SPACE_H
#define IOSIM_SPACE_H

#include <linux/types.h>

#define SPACE_SIZE	4096

/**
 * struct space - the configuration space of a function
 * @value: what is read
 * @initial: what is in @value after a reset
 * @writable: bits that are set and cleared by a write
 * @clearable: bits that are cleared by writing 1
 */
struct space {
	u8 value[SPACE_SIZE];
	u8 initial[SPACE_SIZE];
	u8 writable[SPACE_SIZE];
	u8 clearable[SPACE_SIZE];
};

u32 space_get(const struct space *space, unsigned int at, unsigned int size);
void space_put(struct space *space, unsigned int at, unsigned int size,
	       u32 value);
void space_write(struct space *space, unsigned int at, unsigned int size,
		 u32 value);
void space_define(struct space *space, unsigned int at, unsigned int size,
		  u32 value, u32 writable);
void space_reset(struct space *space);

static inline u16 space_get16(const struct space *space, unsigned int at)
{
	return space_get(space, at, 2);
}

static inline u32 space_get32(const struct space *space, unsigned int at)
{
	return space_get(space, at, 4);
}

#endif
