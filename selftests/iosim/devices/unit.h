/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A unit: one simulated device, as a piece of hardware.
 */
#ifndef IOSIM_UNIT_H
#define IOSIM_UNIT_H

#include <linux/ioport.h>
#include <linux/list.h>

#include "hw.h"

#define UNIT_NAME_LEN	64

/**
 * struct unit - a device that is plugged in
 * @link: in the list of all
 * @name: of the platform device
 * @config: what it is like; holds no pointers that are of use after creation
 * @registers: a page, what is mapped to the user as region 0
 * @memory: IOSIM_MEMORY_SIZE bytes, region 2
 * @resources: physical addresses of the two
 * @endpoint: how it reaches memory; NULL while it is being created
 * @leaving: it is being pulled out
 */
struct unit {
	struct list_head link;
	char name[UNIT_NAME_LEN];
	struct iosim_config config;
	void *registers;
	void *memory;
	struct resource resources[2];
	struct iosim_endpoint *endpoint;
	bool leaving;
};

struct unit *unit_plug(const struct iosim_config *config, const char *group);
void unit_unplug(struct unit *unit);
struct unit *unit_of(struct device *dev);
u32 unit_features(const struct unit *unit);

#endif
