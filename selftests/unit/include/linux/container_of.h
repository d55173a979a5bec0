/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_CONTAINER_OF_H
#define UNIT_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) ({				\
	const typeof(((type *)NULL)->member) *__member = (ptr);		\
	(type *)((char *)__member - offsetof(type, member)); })

#endif
