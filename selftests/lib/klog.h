/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel log, where the drivers of VT-d and AMD-Vi report DMA that was
 * stopped.
 */
#ifndef SELFTESTS_KLOG_H
#define SELFTESTS_KLOG_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct klog_fault - one DMA fault as the log tells it
 * @text: the line, without the log's own prefix
 * @bdf: PCI address of the device, "0000:00:03.0"
 * @iova: address of the page that it wanted, as logged
 * @write: it wanted to write
 */
struct klog_fault {
	char text[256];
	char bdf[16];
	uint64_t iova;
	bool write;
};

int klog_open(void);
bool klog_has_faults(void);
int klog_wait_fault(int klog, const char *bdf, uint64_t iova, int timeout_ms,
		    struct klog_fault *fault);

#endif
