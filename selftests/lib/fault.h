/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault queues and event queues, as their readers see them.
 *
 * Functions return 0 (or what they say) or -errno.
 */
#ifndef SELFTESTS_LIB_FAULT_H
#define SELFTESTS_LIB_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/ioasid.h>

#define FAULT_WAIT_MS 20000

/**
 * struct fault_queue - a fault queue
 * @id: its object
 * @fd: its file descriptor
 */
struct fault_queue {
	uint32_t id;
	int fd;
};

bool fault_is_told(int iommufd, uint32_t dev_id);
int fault_queue_open(int iommufd, struct fault_queue *queue);
bool fault_pending(int fd);
int fault_wait(int fd);
int fault_read(int fd, struct iommu_hwpt_pgfault *faults, unsigned int max);
int fault_read_group(int fd, struct iommu_hwpt_pgfault *faults,
		     unsigned int max);
int fault_respond(int fd, uint32_t cookie, uint32_t code);

int event_read(int fd, struct ioasid_event *event);
int event_wait(int fd, uint32_t type, struct ioasid_event *event);

#endif
