/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most tests with a device start from: a descriptor of /dev/iommu, an IOAS
 * in it, and an edu device that is bound, but not attached yet.
 */
#ifndef SELFTESTS_RIG_H
#define SELFTESTS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edu.h"

/**
 * struct rig - a device and an IOAS
 * @fd: /dev/iommu
 * @ioas: ID of an IOAS
 * @edu: a device alone in its group, bound to @fd
 * @pinned: pages that were pinned before
 */
struct rig {
	int fd;
	uint32_t ioas;
	struct edu edu;
	long pinned;
};

/* For SKIP() where rig_fills_ahead() is false. */
#define RIG_NOT_AHEAD							\
	"this IOMMU's page tables are complete only when they are attached"

int rig_open(struct rig *rig);
long rig_close(struct rig *rig);
int rig_attach(struct rig *rig);
int rig_map(struct rig *rig, void *va, size_t size, uint64_t iova);
int rig_unmap(struct rig *rig, uint64_t iova, size_t size);
int rig_try(void);
bool rig_fills_ahead(void);
int rig_move(int device, uint32_t pt);

#endif
