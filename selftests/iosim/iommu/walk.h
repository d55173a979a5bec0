/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translation.
 */
#ifndef IOSIM_WALK_H
#define IOSIM_WALK_H

#include <linux/types.h>

struct attachment;
struct iosim_endpoint;

/**
 * struct walk - a translation to be made
 * @endpoint: the device; its lock is held
 * @at: what its DMA goes by
 * @tag: of its translations
 * @iova: any address
 * @write: it is for a write
 */
struct walk {
	struct iosim_endpoint *endpoint;
	const struct attachment *at;
	u32 tag;
	u64 iova;
	bool write;
};

u32 walk_translate(const struct walk *walk, void **memory);

#endif
