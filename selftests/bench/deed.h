/* SPDX-License-Identifier: GPL-2.0-only */
/* deed.h - what back ends can do beside mapping memory, to be measured like that. */
#ifndef SELFTESTS_BENCH_DEED_H
#define SELFTESTS_BENCH_DEED_H

#include "backend.h"

/**
 * struct deed - something to measure, and what undoes it
 * @prepare: have everything that @run takes, for memory that is not mapped yet, at its
 *	IOVA if that matters; 0 or a negative errno, and then nothing is left behind
 * @run: do it to a part of that memory, which is at @offset in it; 0 or a negative
 *	errno, as "map"
 * @undo: undo that, or do the opposite, as "unmap"
 * @finish: undo @prepare
 *
 * @run and @undo are inside the measured stretch.
 */
struct deed {
	int (*prepare)(const struct range *all);
	int (*run)(const struct range *range);
	int (*undo)(const struct range *range);
	void (*finish)(void);
};

/* Of /dev/iommu, whoever implements it. */
extern const struct deed deed_nest;
extern const struct deed deed_copy;
extern const struct deed deed_pin, deed_pin_shared;
extern const struct deed deed_rw, deed_rw_shared;
extern const struct deed deed_second_device;
extern const struct deed deed_second_table;
extern const struct deed deed_second_iommu;
extern const struct deed deed_replace;
extern const struct deed deed_replace_table;
extern const struct deed deed_dirty;

#endif /* SELFTESTS_BENCH_DEED_H */
