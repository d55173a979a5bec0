/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most tests with the simulator start from: a descriptor of /dev/iommu, an
 * IOAS with memory in it, and an engine that is bound, but not attached yet.
 *
 * All address spaces of a test look alike: memory from SIM_AT on, at whose end
 * completions arrive. So the device can do the same with each, and what it did
 * shows which one it was.
 */
#ifndef SELFTESTS_LIB_SIM_H
#define SELFTESTS_LIB_SIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "engine.h"
#include "guest.h"

#define SIM_AT 0x40000000ULL
#define SIM_PAGE 4096ULL
#define SIM_SIZE (8ULL << 20)
/* Tables of a guest are taken from here on. */
#define SIM_TABLES (4ULL << 20)
/* Completions, a page of them. */
#define SIM_DONE (SIM_SIZE - SIM_PAGE)
#define SIM_SPACE_PAGES 16ULL
#define SIM_SPACE_SIZE (SIM_SPACE_PAGES * SIM_PAGE)

#define SIM_NAME "test"

/**
 * struct sim - an engine and an IOAS
 * @fd: /dev/iommu
 * @ioas: an IOAS, with @buf at SIM_AT
 * @engine: the device SIM_NAME, bound to @fd
 * @buf: SIM_SIZE bytes in huge pages, with whatever the last test has left there
 * @guest: the same memory, as a guest's
 * @pinned: pages that were pinned before
 */
struct sim {
	int fd;
	uint32_t ioas;
	struct engine engine;
	char *buf;
	struct guest guest;
	long pinned;
};

/**
 * struct sim_space - one more address space
 * @ioas: an IOAS, with @buf at SIM_AT
 * @buf: SIM_SPACE_SIZE bytes
 */
struct sim_space {
	uint32_t ioas;
	char *buf;
};

void sim_prepare(void);
int sim_open(struct sim *sim, const char *attributes);
int sim_open_parent(struct sim *sim, const char *attributes);
long sim_close(struct sim *sim);
int sim_attach(const struct sim *sim, uint32_t pt);
int sim_attach_fault(const struct sim *sim, uint32_t queue, uint32_t *hwpt);
int sim_add(const struct sim *sim, const char *name, const char *attributes,
	    struct engine *engine);
int sim_remove(const char *name, struct engine *engine);

/**
 * struct sim_mover - for a thread that attaches the device
 * @sim: whose
 * @pasid: by this; or ENGINE_NO_PASID
 * @ioas: to this
 * @rc: what has come of it
 */
struct sim_mover {
	const struct sim *sim;
	uint32_t pasid;
	uint32_t ioas;
	int rc;
};

int sim_move(const struct sim *sim, uint32_t pasid, uint32_t ioas);
void *sim_mover_run(void *mover);
struct dma sim_dma(const struct sim *sim, unsigned int slot);
struct dma sim_dma_pasid(const struct sim *sim, unsigned int slot,
			 uint32_t pasid);

int sim_space_open(const struct sim *sim, struct sim_space *space);
struct dma sim_space_dma(const struct sim_space *space,
			 const struct engine *engine, uint32_t pasid);
int sim_space_check(const struct sim_space *space, const struct engine *engine,
		    uint32_t pasid);

int sim_parent_hwpt(const struct sim *sim, uint32_t *hwpt);
uint64_t sim_guest_root(struct sim *sim);
int sim_first_stage(struct sim *sim, uint32_t pt, uint64_t *root, uint32_t *hwpt);

/* In a test, or in the setup of its fixture. */
#define NEED_SIM							\
	do {								\
		if (iosim_why_not())					\
			SKIP(return, "%s", iosim_why_not());		\
	} while (0)

/* Instead of TEST_HARNESS_MAIN; test_harness_run() exits. */
#define SIM_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		iosim_load();						\
		sim_prepare();						\
		atexit(iosim_unload);					\
		return test_harness_run(argc, argv);			\
	}

#endif
