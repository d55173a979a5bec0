/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_OVERFLOW_H
#define UNIT_OVERFLOW_H

#include <stddef.h>
#include <stdint.h>

#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)

/* No such size can be had. */
static inline size_t unit_size(size_t base, size_t n, size_t each)
{
	size_t size;

	if (__builtin_mul_overflow(n, each, &size) ||
	    __builtin_add_overflow(size, base, &size))
		return SIZE_MAX;
	return size;
}

#define array_size(n, each)	unit_size(0, n, each)
#define struct_size(p, member, n) \
	unit_size(sizeof(*(p)), n, sizeof(*(p)->member))

#endif
