/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is plugged in, of whatever kind.
 */
#ifndef IOSIM_PLUGGED_H
#define IOSIM_PLUGGED_H

#define PLUGGED_NAME_LEN	64

struct iosim_endpoint;

/**
 * struct plugged - a device that is plugged in
 * @name: of the device, in the directory of its bus in sysfs
 * @endpoint: how it reaches memory
 */
struct plugged {
	char name[PLUGGED_NAME_LEN];
	struct iosim_endpoint *endpoint;
};

#endif
