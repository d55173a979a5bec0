/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA engine: executes one descriptor.
 */
#ifndef IOSIM_ENGINE_H
#define IOSIM_ENGINE_H

#include <linux/mm.h>

#include "hw.h"

#define ENGINE_CHUNK	PAGE_SIZE
#define ENGINE_SCRATCH	(2 * ENGINE_CHUNK)

/**
 * struct engine_job - what to do, and how to get at the memory
 * @desc: the descriptor, which nobody else can write to any more
 * @pasid: the hardware's, or IOSIM_NO_PASID
 * @block: it may request pages and wait for them
 * @endpoint: whose DMA it is
 * @abort: give up, soon, when it is set
 * @scratch: ENGINE_SCRATCH bytes
 */
struct engine_job {
	struct iosim_desc desc;
	u32 pasid;
	bool block;
	struct iosim_endpoint *endpoint;
	const bool *abort;
	void *scratch;
};

bool engine_valid(const struct iosim_desc *desc);
void engine_run(const struct engine_job *job, struct iosim_completion *end);
void engine_complete(const struct engine_job *job,
		     const struct iosim_completion *end);

#endif
