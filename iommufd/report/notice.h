/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notices to the listeners of the netlink family.
 */
#ifndef IOMMUFD_NOTICE_H
#define IOMMUFD_NOTICE_H

#include <linux/types.h>
#include <uapi/linux/ioasid_netlink.h>

struct genl_family;
struct iommufd_ctx;

/**
 * struct notice - something has happened
 * @kind: what
 * @ctx: in which context
 * @device: name of the device, or NULL
 * @device_id: its ID, or 0
 * @pasid: as the user calls it
 * @page_table: ID of the HWPT, or 0
 * @space: the IOASID, or 0
 * @iova: of a fault; the first of a range
 * @length: of a range; 0 without
 * @perm: of a fault: 1 for reading, 2 for writing
 * @command: what has failed, or NULL
 * @error: errno, positive
 * @reason: why, or NULL
 * @other: name of another device, or NULL
 */
struct notice {
	enum ioasid_event_kind kind;
	struct iommufd_ctx *ctx;
	const char *device;
	u32 device_id;
	u32 pasid;
	u32 page_table;
	u32 space;
	u64 iova;
	u64 length;
	u32 perm;
	const char *command;
	int error;
	const char *reason;
	const char *other;
};

void iommufd_notice_start(const struct genl_family *to, unsigned int group);
bool iommufd_notice_wanted(void);
void iommufd_notice_send(const struct notice *notice);
void iommufd_notice_failed(struct iommufd_ctx *ctx, const char *command,
			   int error);

#endif
