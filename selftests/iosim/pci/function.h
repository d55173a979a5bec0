/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of PCI: an engine, or a port.
 */
#ifndef IOSIM_FUNCTION_H
#define IOSIM_FUNCTION_H

#include <linux/list.h>
#include <linux/swait.h>

#include "../devices/portal.h"
#include "caps.h"
#include "hw.h"
#include "shape.h"
#include "space.h"

#define FUNCTION_BARS	3

struct pci_dev;

/**
 * struct bar - a BAR of an engine, of 64 bits
 * @size: bytes; 0: there is none
 * @own: where what is in it is kept while the function does not decode it
 * @mmio: where the function decodes it
 * @decoded: it does
 */
struct bar {
	size_t size;
	void *own;
	struct iosim_mmio mmio;
	bool decoded;
};

/**
 * struct function - a function that is plugged in
 * @link: in the list of all
 * @name: of the directory in configfs
 * @shape: what it is like
 * @config: what the device is like, for the IOMMU; the name and the pointers are of no
 *	use after creation
 * @above: the port that it is below, or NULL
 * @nr_below: functions below this port
 * @leaving: nothing can be put below this port any more
 * @devfn: device and function
 * @endpoint: how it reaches memory
 * @pdev: what the kernel has found, or NULL; referenced by @endpoint
 * @space: its configuration space
 * @caps: where the capabilities are
 * @bars: BARs of an engine
 * @msix: what is in the BAR of MSI-X
 * @pending: an interrupt is to be sent as soon as it is not masked any more
 * @portal: of an engine
 * @queue: likewise
 * @resetting: a reset is under way: the function is not there for the bus
 * @active: it decodes its registers, and may do DMA
 * @pasids: it may do DMA with a PASID
 * @thread: does what takes time: looks at the doorbell, resets; NULL for a port
 * @wake: where it waits
 */
struct function {
	struct list_head link;
	char name[SHAPE_NAME_LEN];
	struct shape shape;
	struct iosim_config config;
	struct function *above;
	unsigned int nr_below;
	bool leaving;
	u8 devfn;
	struct iosim_endpoint *endpoint;
	struct pci_dev *pdev;

	struct space space;
	struct caps caps;
	struct bar bars[FUNCTION_BARS];
	void *msix;
	bool pending;

	struct portal portal;
	struct queue *queue;
	bool resetting;
	bool active;
	bool pasids;
	struct task_struct *thread;
	struct swait_queue_head wake;
};

/*
 * Over which functions there are, and over their configuration spaces and what follows
 * from those. Taken with interrupts off, in any context; portal.page is taken inside.
 */
extern raw_spinlock_t function_lock;
/* Read under RCU, too. */
extern struct list_head functions;

struct function *function_create(const char *name, const struct shape *shape,
				 const struct iosim_config *config);
void function_destroy(struct function *function);
int function_enter(struct function *function);
bool function_begin_leave(struct function *function);
void function_leave(struct function *function);
struct function *function_find(u8 bus, u8 devfn);
struct function *function_find_name(const char *name);
u8 function_bus(const struct function *function);

void function_read(const struct function *function, unsigned int at,
		   unsigned int size, u32 *value);
void function_write(struct function *function, unsigned int at,
		    unsigned int size, u32 value);

#endif
