/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A unit: one simulated device, as a piece of hardware.
 */
#ifndef IOSIM_UNIT_H
#define IOSIM_UNIT_H

#include <linux/ioport.h>
#include <linux/list.h>

#include "hw.h"
#include "plugged.h"

/**
 * struct unit - a device that is plugged in
 * @link: in the list of all
 * @plugged: of the platform device; the endpoint is NULL while it is being created
 * @config: what it is like; holds no pointers that are of use after creation
 * @registers: a page, what is mapped to the user as region 0
 * @memory: IOSIM_MEMORY_SIZE bytes, region 2
 * @resources: physical addresses of the two
 * @leaving: it is being pulled out
 */
struct unit {
	struct list_head link;
	struct plugged plugged;
	struct iosim_config config;
	void *registers;
	void *memory;
	struct resource resources[2];
	bool leaving;
};

struct plugged *unit_plug(const struct iosim_config *config, const char *group);
void unit_unplug(struct plugged *plugged);
struct unit *unit_of(struct device *dev);
u32 unit_features(const struct unit *unit);

#endif
