// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space: bytes, and what a write does to them.
 *
 * Little-endian, as on the bus. What a register means is for others to know: they look
 * at the values after a write. Whatever is written, and in whatever sizes, only bits that
 * have been defined as writable change.
 */
#include <linux/string.h>

#include "space.h"

/**
 * space_get - read a register
 * @space: the space
 * @at: where
 * @size: bytes, 1 to 4, all within the space
 *
 * Return: the value.
 */
u32 space_get(const struct space *space, unsigned int at, unsigned int size)
{
	u32 value = 0;

	while (size--)
		value = value << 8 | space->value[at + size];
	return value;
}

/**
 * space_put - change a register, as the device does it
 * @space: the space
 * @at: where
 * @size: bytes, 1 to 4
 * @value: the value
 */
void space_put(struct space *space, unsigned int at, unsigned int size,
	       u32 value)
{
	for (; size--; at++, value >>= 8)
		space->value[at] = value;
}

/**
 * space_write - change a register, as the bus does it
 * @space: the space
 * @at: where
 * @size: bytes, 1 to 4
 * @value: what is written
 */
void space_write(struct space *space, unsigned int at, unsigned int size,
		 u32 value)
{
	u8 writable, *byte;

	for (; size--; at++, value >>= 8) {
		writable = space->writable[at];
		byte = &space->value[at];
		*byte = (*byte & ~writable) | (value & writable);
		*byte &= ~(value & space->clearable[at]);
	}
}

/**
 * space_define - say what a register is like
 * @space: the space
 * @at: where
 * @size: bytes, 1 to 4
 * @value: what is in it after a reset, and now
 * @writable: bits of it
 */
void space_define(struct space *space, unsigned int at, unsigned int size,
		  u32 value, u32 writable)
{
	for (; size--; at++, value >>= 8, writable >>= 8) {
		space->value[at] = value;
		space->initial[at] = value;
		space->writable[at] = writable;
	}
}

/**
 * space_reset - all registers as they are after a reset
 * @space: the space
 */
void space_reset(struct space *space)
{
	memcpy(space->value, space->initial, sizeof(space->value));
}
