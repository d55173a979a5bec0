/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_STDDEF_H
#define UNIT_STDDEF_H

#include_next <linux/stddef.h>

#include <stdbool.h>
#include <stddef.h>

#endif
