/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kernel it is, for what depends on its series. */
#ifndef SELFTESTS_KERNEL_H
#define SELFTESTS_KERNEL_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/utsname.h>

/* Of the series 6.12, and not of 7.x. */
static inline bool kernel_is_old(void)
{
	struct utsname name;

	return !uname(&name) && atoi(name.release) < 7;
}

#endif
