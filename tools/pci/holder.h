/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processes have of VFIO: descriptors, mappings, and what hides them.
 */
#ifndef IOASID_HOLDER_H
#define IOASID_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "pci/process.h"
#include "pci/topology.h"

/**
 * enum hold_object - what it is that a process has
 * @HOLD_DEVICE: a device, by its own node: that keeps the device bound
 * @HOLD_GROUP: a group's node: that keeps others out of the group
 * @HOLD_OF_GROUP: a device that its group has given; which, only newer kernels tell
 * @HOLD_KVM: KVM's list of devices: it keeps them, and does not tell which
 * @HOLD_SENT: descriptors that have been sent to it, which it has not received:
 *	nobody tells of what
 */
enum hold_object {
	HOLD_DEVICE,
	HOLD_GROUP,
	HOLD_OF_GROUP,
	HOLD_KVM,
	HOLD_SENT,
};

/**
 * enum hold_way - how it has it
 * @HOLD_DESCRIPTOR: by a descriptor
 * @HOLD_MAPPING: by memory that is mapped
 * @HOLD_RING: registered with an io_uring
 */
enum hold_way {
	HOLD_DESCRIPTOR,
	HOLD_MAPPING,
	HOLD_RING,
};

#define HOLD_NAME_SIZE 80

/**
 * struct hold - one thing that a process has
 * @process: the process
 * @object: what it is
 * @way: how it has it
 * @gone: the node is not there any more: the device is being unbound
 * @fd: the descriptor; of a ring, the ring's
 * @first: of a mapping, its first address
 * @last: of a mapping, its last address
 * @sent: how many descriptors have been sent
 * @name: the node as the host calls it, or ""
 * @device: the address of the device, if the kernel tells it with the descriptor, or ""
 */
struct hold {
	struct process process;
	enum hold_object object;
	enum hold_way way;
	bool gone;
	int fd;
	uint64_t first;
	uint64_t last;
	unsigned int sent;
	char name[HOLD_NAME_SIZE];
	char device[ADDRESS_SIZE];
};

/**
 * struct holds - all of them
 * @at: ordered by processes, ways, and numbers
 * @nr: how many
 * @unseen: there are processes that we may not look into
 */
struct holds {
	struct hold *at;
	int nr;
	bool unseen;
};

struct holds *holds_look(const char *root);
void holds_free(struct holds *holds);
char *hold_text(const struct hold *hold);
json_t *hold_json(const struct hold *hold);
char *holds_node(const struct function *f, const char *root);

#endif
