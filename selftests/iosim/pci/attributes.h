/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory "pci" of a device in configfs: the shape of a function.
 */
#ifndef IOSIM_ATTRIBUTES_H
#define IOSIM_ATTRIBUTES_H

#include <linux/configfs.h>

#include "shape.h"

/**
 * struct attributes - the directory
 * @group: configfs's
 * @lock: over @shape
 * @fixed: something is plugged in: nothing can be written
 * @shape: what is in the files
 */
struct attributes {
	struct config_group group;
	struct mutex lock;
	bool fixed;
	struct shape shape;
};

void attributes_init(struct attributes *attributes);
void attributes_fix(struct attributes *attributes, bool fixed);

#endif
