/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LIMITS_H
#define UNIT_LIMITS_H

/* glibc includes this one, too: first what it wants of it. */
#include_next <linux/limits.h>

#include <limits.h>

#define U32_MAX	UINT_MAX

#endif
