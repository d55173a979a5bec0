/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_MINMAX_H
#define UNIT_MINMAX_H

/* As in the kernel, operands of different types are a mistake. */
#define unit_select(x, op, y) ({					\
	typeof(x) __x = (x);						\
	typeof(y) __y = (y);						\
	_Static_assert(__builtin_types_compatible_p(typeof(x), typeof(y)), \
		       "operands of different types");			\
	__x op __y ? __x : __y; })

#define min(x, y)	unit_select(x, <, y)
#define max(x, y)	unit_select(x, >, y)

#endif
