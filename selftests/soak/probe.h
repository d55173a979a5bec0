/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: real DMA, which must arrive, or must not.
 *
 * Functions return 0 if everything is as it should be, or what broken()
 * returns.
 */
#ifndef SELFTESTS_SOAK_PROBE_H
#define SELFTESTS_SOAK_PROBE_H

#include "worker.h"

struct dma probe_dma(struct worker *w, const struct view *view);
struct dma probe_dma_at(const struct engine *engine, uint32_t pasid, void *done,
			uint64_t done_iova);
struct view *pick_view(struct worker *w, const struct space *s);

int probe_page(struct worker *w, struct dma *dma, uint64_t iova,
	       unsigned int page, uint32_t perm);
int probe_nothing(struct worker *w, struct dma *dma, uint64_t iova, int page);
int probe_memory(struct worker *w, struct dma *dma, uint64_t iova, char *va);
int probe_silence(struct worker *w, struct dma *dma, uint64_t iova, char *va);

int probe_view(struct worker *w, const struct view *view);
int probe_cells(struct worker *w, const struct space *s, unsigned int at,
		unsigned int n);
int probe_lost(struct worker *w, const struct space *s, unsigned int at,
	       unsigned int n);

#endif
