// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/one_device.h"

#include <stddef.h>

#define CLASS_DISPLAY 0x03
#define CLASS_MULTIMEDIA 0x04

/**
 * one_device() - are two functions parts of one card?
 * @t: the machine
 * @a: a function
 * @b: another
 *
 * Devices of the root complex are none: their functions are parts of the board.
 *
 * Return: whether.
 */
bool one_device(const struct topology *t, int a, int b)
{
	const struct function *f = &t->functions[a];
	const struct function *other = &t->functions[b];

	return f->bus == other->bus && slot_of(f) == slot_of(other) &&
	       f->physfn < 0 && other->physfn < 0 && topology_above(t, a) >= 0;
}

/**
 * one_device_text() - why it does no harm that these are in one group
 * @t: the machine
 * @members: all functions of the group
 * @nr: how many
 *
 * Return: a sentence without full stop, if all that can be given away of them is one
 * card; or NULL.
 */
const char *one_device_text(const struct topology *t, const int *members,
			    int nr)
{
	bool display = false, sound = false;
	int i, first = -1, n = 0;

	for (i = 0; i < nr; i++) {
		const struct function *f = &t->functions[members[i]];

		if (f->bridge)
			continue;
		if (first < 0)
			first = members[i];
		else if (!one_device(t, first, members[i]))
			return NULL;
		display = display || f->class >> 8 == CLASS_DISPLAY;
		sound = sound || f->class >> 8 == CLASS_MULTIMEDIA;
		n++;
	}
	if (n < 2)
		return NULL;
	return display && sound ?
	       "the picture and the sound of one graphics card: they are given away together, and nobody else is in the group" :
	       "functions of one device: they are given away together, and nobody else is in the group";
}
