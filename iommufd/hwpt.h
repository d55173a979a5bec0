/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hardware page tables: an IOMMU domain with an ID.
 */
#ifndef IOMMUFD_HWPT_H
#define IOMMUFD_HWPT_H

#include "ioas.h"

struct device;

/**
 * struct hwpt - a kernel-managed page table of an IOAS
 * @obj: in the ID table; devices that are attached hold references
 * @table: its domain, in the list of @ioas while @filled
 * @ioas: what it translates; the page table holds a reference
 * @automatic: made by an attach to @ioas, goes with the last device
 * @coherent: the domain enforces cache coherency
 * @nest_parent: may have nested page tables below it
 * @msi_cookie: the window for software-managed MSIs has been set up
 * @filled: see @table
 */
struct hwpt {
	struct object obj;
	struct ioas_table table;
	struct ioas *ioas;
	bool automatic;
	bool coherent;
	bool nest_parent;
	bool msi_cookie;
	bool filled;
};

extern const struct object_kind hwpt_kind;

static inline struct hwpt *hwpt_of(struct object *obj)
{
	return container_of(obj, struct hwpt, obj);
}

struct hwpt *hwpt_alloc(struct ioas *ioas, struct device *dev, u32 flags);
int hwpt_fill(struct hwpt *hwpt);
void hwpt_drain(struct hwpt *hwpt);
bool hwpt_match(const struct hwpt *hwpt, struct device *dev);
void hwpt_put(struct hwpt *hwpt);

#endif
