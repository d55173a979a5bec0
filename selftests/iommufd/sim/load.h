/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread that has a device copy, over and over, and looks at what it has read. */
#ifndef SELFTESTS_LOAD_H
#define SELFTESTS_LOAD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "engine.h"

/**
 * struct load - what is copied, and what has become of it
 * @dma: the device
 * @src: from where
 * @dst: and where to
 * @length: bytes
 * @seen: where @dst is in memory
 * @may: what may be in any word that is read
 * @stop: told to the thread
 * @rc: its first error, -EILSEQ for a wrong word
 * @rounds: copies that have been made
 */
struct load {
	struct dma dma;
	uint64_t src;
	uint64_t dst;
	size_t length;
	const uint64_t *seen;
	uint64_t may[2];
	bool stop;
	int rc;
	unsigned int rounds;
};

static inline void *load_run(void *arg)
{
	struct load *load = arg;
	size_t i;

	while (!__atomic_load_n(&load->stop, __ATOMIC_RELAXED)) {
		load->rc = dma_copy(&load->dma, load->src, load->dst,
				    load->length);
		for (i = 0; !load->rc && i < load->length / 8; i++)
			if (load->seen[i] != load->may[0] &&
			    load->seen[i] != load->may[1])
				load->rc = -EILSEQ;
		if (load->rc)
			break;
		__atomic_add_fetch(&load->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Wait until @more rounds have been done. */
static inline void load_wait(struct load *load, unsigned int more)
{
	unsigned int want = __atomic_load_n(&load->rounds, __ATOMIC_ACQUIRE) +
			    more;

	while (__atomic_load_n(&load->rounds, __ATOMIC_ACQUIRE) < want &&
	       !load->rc)
		usleep(100);
}

#endif
