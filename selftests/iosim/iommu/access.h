/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DMA.
 */
#ifndef IOSIM_ACCESS_H
#define IOSIM_ACCESS_H

#include <linux/types.h>

struct iosim_access;
struct iosim_endpoint;

/* What access_piece() returns for DMA that the device has given up. */
#define REASON_ABORTED		(~0U)

/**
 * struct outcome - what has become of a piece of DMA
 * @reason: 0, or IOSIM_REASON_*
 * @code: of a VT-d: its fault reason, or 0
 * @at: what it went by, or NULL; valid while the gate of the endpoint is held
 * @serial: of @at
 */
struct outcome {
	u32 reason;
	u32 code;
	const struct attachment *at;
	u64 serial;
};

void access_piece(struct iosim_endpoint *endpoint,
		  const struct iosim_access *access, u64 iova, size_t length,
		  void *buffer, struct outcome *out);
bool access_aborted(const struct iosim_access *access);

#endif
