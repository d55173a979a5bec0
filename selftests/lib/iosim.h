/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated IOMMU: its modules, and the devices behind it, which tests make
 * as they need them. For using a device see engine.h.
 *
 * Functions return 0 (or what they say) or -errno.
 */
#ifndef SELFTESTS_LIB_IOSIM_H
#define SELFTESTS_LIB_IOSIM_H

#include <stddef.h>
#include <stdint.h>

#include "../iosim/iosim.h"

#define IOSIM_CONFIGFS "/sys/kernel/config"
#define IOSIM_DEVICES "/sys/bus/platform/devices"
#define IOSIM_SUBDEVICES "/sys/bus/mdev/devices"

/* For the names of a subdevice's types. */
#define IOSIM_LOCAL "iosim-local"
#define IOSIM_GLOBAL "iosim-global"

void iosim_load(void);
void iosim_unload(void);
const char *iosim_why_not(void);

int iosim_create(const char *name, const char *attributes);
int iosim_create_unplugged(const char *name, const char *attributes);
int iosim_set(const char *name, const char *attribute, const char *value);
int iosim_get(const char *name, const char *attribute, char *value,
	      size_t size);
int iosim_plug(const char *name);
int iosim_unplug(const char *name);
int iosim_destroy(const char *name);
int64_t iosim_counter(const char *name, const char *counter);

int iosim_cdev(const char *name);
int iosim_group(const char *name);

int iosim_subdevice_create(const char *parent, const char *type,
			   const char *uuid);
int iosim_subdevice_remove(const char *uuid);
int iosim_subdevice_cdev(const char *uuid);
int iosim_dma_check(const char *parent);

#endif
