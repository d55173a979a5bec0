/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translation by a first stage of VT-d and the second stage below.
 */
#ifndef IOSIM_VTD_WALK_H
#define IOSIM_VTD_WALK_H

#include <linux/types.h>

struct walk;

bool vtd_translates(const struct walk *walk);
u32 vtd_translate(const struct walk *walk, void **memory, u32 *code);
u32 vtd_code(u32 reason, bool write);

#endif
