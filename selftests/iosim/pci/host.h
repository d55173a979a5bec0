/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host bridge: a PCI domain for the simulated functions.
 */
#ifndef IOSIM_HOST_H
#define IOSIM_HOST_H

#include "../devices/plugged.h"

struct iosim_config;
struct shape;

int host_setup(void);
void host_cleanup(void);
int host_open(void);
void host_close(void);

struct plugged *host_plug(const char *name, const struct shape *shape,
			  const struct iosim_config *config);
void host_unplug(struct plugged *plugged);

#endif
