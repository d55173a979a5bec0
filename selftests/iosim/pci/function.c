// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of PCI: an engine, or a port.
 *
 * All that a function does follows from what is in its configuration space. After each
 * write settle() compares what it does with what it should: so there is one way to each
 * state, whatever is written in whatever order. Writes come with interrupts off. What
 * they forbid has ended when they return: no DMA after the function is not bus master any
 * more, no access of others to the memory behind a BAR after it has been moved. What
 * takes time, a reset, is done by the thread of the function, and the function is not
 * there meanwhile: its registers read as all ones, as the kernel expects it.
 *
 * What is in a BAR moves with it. While the function does not decode a BAR, or its
 * address is not in the window or another function is there, it keeps it in memory of its
 * own.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "function.h"
#include "memory.h"
#include "message.h"
#include "route.h"

#define POLL_BUSY_US	50
#define POLL_IDLE_US	1000
/* How long after the last descriptor the doorbell is looked at more often. */
#define BUSY_JIFFIES	(HZ / 50)

DEFINE_RAW_SPINLOCK(function_lock);
LIST_HEAD(functions);

/* Where the functions are ---------------------------------------------------- */

static u8 secondary(const struct function *port)
{
	return port->space.value[PCI_SECONDARY_BUS];
}

/**
 * function_bus - the bus that a function is on
 * @function: the function; the lock is held
 *
 * Return: its number, by what the port above says.
 */
u8 function_bus(const struct function *function)
{
	return function->above ? secondary(function->above) : 0;
}

/* Do all ports above pass on an access to that bus? */
static bool reachable(const struct function *function, u8 bus)
{
	const struct function *port;

	for (port = function->above; port; port = port->above)
		if (bus < secondary(port) ||
		    bus > port->space.value[PCI_SUBORDINATE_BUS])
			return false;
	return true;
}

/**
 * function_find - find a function by its address
 * @bus: number of the bus
 * @devfn: device and function
 *
 * The lock is held.
 *
 * Return: the function, or NULL.
 */
struct function *function_find(u8 bus, u8 devfn)
{
	struct function *function;

	lockdep_assert_held(&function_lock);
	list_for_each_entry(function, &functions, link)
		if (function->devfn == devfn && function_bus(function) == bus &&
		    reachable(function, bus))
			return function;
	return NULL;
}

/**
 * function_find_name - find a function by its name
 * @name: of its directory
 *
 * The lock is held.
 *
 * Return: the function, or NULL.
 */
struct function *function_find_name(const char *name)
{
	struct function *function;

	lockdep_assert_held(&function_lock);
	list_for_each_entry(function, &functions, link)
		if (!strcmp(function->name, name))
			return function;
	return NULL;
}

/* Whether there is a place for it; any one will do if it does not say which. */
static bool place(struct function *function)
{
	const struct function *other;
	int devfn = function->shape.devfn;
	DECLARE_BITMAP(taken, 256) = { };

	list_for_each_entry(other, &functions, link)
		if (other->above == function->above)
			__set_bit(other->devfn, taken);
	if (devfn == SHAPE_ANY)
		for (devfn = 0; devfn < 256 && test_bit(devfn, taken);)
			devfn += 8;
	if (devfn >= 256 || test_bit(devfn, taken))
		return false;
	function->devfn = devfn;
	return true;
}

/* There is one device at the other end of a link. */
static bool fits(const struct function *function)
{
	const struct function *above = function->above;

	switch (function->shape.type) {
	case SHAPE_ROOT_PORT:
		return !above;
	case SHAPE_DOWNSTREAM:
		return above && above->shape.type == SHAPE_UPSTREAM;
	case SHAPE_UPSTREAM:
		return above && above->shape.type == SHAPE_ROOT_PORT &&
		       function->devfn < 8;
	default:
		return !above || (above->shape.type != SHAPE_UPSTREAM &&
				  function->devfn < 8);
	}
}

/**
 * function_enter - put a function into its place
 * @function: the function
 *
 * Return: 0, -EEXIST if a function of that name is still there, -ENODEV if there is no such
 * port, -EBUSY if the place is taken, -EINVAL if it does not fit there.
 */
int function_enter(struct function *function)
{
	const char *port = function->shape.port;
	unsigned long flags;
	int rc = 0;

	raw_spin_lock_irqsave(&function_lock, flags);
	if (port[0])
		function->above = function_find_name(port);
	if (function_find_name(function->name))
		rc = -EEXIST;	/* it waits for its users to go */
	else if (port[0] && (!function->above || function->above->leaving))
		rc = -ENODEV;
	else if (!place(function))
		rc = -EBUSY;
	else if (!fits(function))
		rc = -EINVAL;
	if (!rc) {
		list_add_tail_rcu(&function->link, &functions);
		if (function->above)
			function->above->nr_below++;
	}
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return rc;
}

/* BARs ---------------------------------------------------------------------- */

static u64 bar_address(const struct function *function, unsigned int i)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + i * 8;

	return (u64)space_get32(&function->space, at + 4) << 32 |
	       (space_get32(&function->space, at) &
		(u32)PCI_BASE_ADDRESS_MEM_MASK);
}

static void move_registers(struct function *function, void *to)
{
	portal_move_registers(&function->portal, to);
}

static void move_memory(struct function *function, void *to)
{
	portal_move_memory(&function->portal, to);
}

static void move_msix(struct function *function, void *to)
{
	memcpy(to, function->msix, PAGE_SIZE);
	function->msix = to;
}

static void (*const movers[FUNCTION_BARS])(struct function *function,
					   void *to) = {
	[BAR_REGISTERS / 2] = move_registers,
	[BAR_MEMORY / 2] = move_memory,
	[BAR_MSIX / 2] = move_msix,
};

static void stop_decoding(struct function *function, unsigned int i)
{
	struct bar *bar = &function->bars[i];

	if (!bar->decoded)
		return;
	iosim_mmio_release(&bar->mmio);
	movers[i](function, bar->own);
	WRITE_ONCE(bar->decoded, false);
}

static void start_decoding(struct function *function, unsigned int i,
			   u64 address)
{
	struct bar *bar = &function->bars[i];

	WRITE_ONCE(bar->mmio.start, address);
	bar->mmio.length = bar->size;
	bar->mmio.memory = memory_at(address, bar->size);
	if (!bar->mmio.memory || iosim_mmio_claim(&bar->mmio))
		return;
	movers[i](function, bar->mmio.memory);
	WRITE_ONCE(bar->decoded, true);
}

static void settle_bar(struct function *function, unsigned int i, bool decode)
{
	struct bar *bar = &function->bars[i];
	u64 address = bar_address(function, i);

	if (!bar->size || (bar->decoded && decode && bar->mmio.start == address))
		return;
	stop_decoding(function, i);
	if (decode)
		start_decoding(function, i, address);
}

/* What follows from the registers -------------------------------------------- */

static bool is_awake(const struct function *function)
{
	unsigned int at = function->caps.pm + PCI_PM_CTRL;

	return !function->resetting &&
	       !(space_get16(&function->space, at) & PCI_PM_CTRL_STATE_MASK);
}

static bool has_bit(const struct function *function, unsigned int cap,
		    unsigned int offset, u16 bit)
{
	return cap && space_get16(&function->space, cap + offset) & bit;
}

/* Let an engine do what its registers say. */
static void settle(struct function *function)
{
	u16 command = space_get16(&function->space, PCI_COMMAND);
	bool awake = is_awake(function);
	bool master = awake && command & PCI_COMMAND_MASTER;
	unsigned int i;

	lockdep_assert_held(&function_lock);
	iosim_endpoint_master(function->endpoint, master);
	for (i = 0; i < FUNCTION_BARS; i++)
		settle_bar(function, i, awake && command & PCI_COMMAND_MEMORY);
	WRITE_ONCE(function->pasids, has_bit(function, function->caps.pasid,
					     PCI_PASID_CTRL,
					     PCI_PASID_CTRL_ENABLE));
	WRITE_ONCE(function->portal.requests,
		   has_bit(function, function->caps.pri, PCI_PRI_CTRL,
			   PCI_PRI_CTRL_ENABLE));
	WRITE_ONCE(function->active,
		   master && function->bars[BAR_REGISTERS / 2].decoded);
	swake_up_one(&function->wake);
}

static void reset(struct function *function)
{
	space_reset(&function->space);
	if (shape_is_port(&function->shape))
		return;
	WRITE_ONCE(function->resetting, true);
	settle(function);
}

static bool is_below(const struct function *function,
		     const struct function *port)
{
	for (function = function->above; function; function = function->above)
		if (function == port)
			return true;
	return false;
}

/* A reset of the bus below a port resets all that is below it. */
static void settle_port(struct function *port)
{
	struct function *function;

	if (!(port->space.value[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET))
		return;
	list_for_each_entry(function, &functions, link)
		if (is_below(function, port))
			reset(function);
}

static bool asks_reset(struct function *function)
{
	unsigned int at = function->caps.exp + PCI_EXP_DEVCTL;
	u16 control = space_get16(&function->space, at);

	return function->shape.flr && control & PCI_EXP_DEVCTL_BCR_FLR;
}

/**
 * function_read - read a register
 * @function: the function; the lock is held
 * @at: where
 * @size: bytes: 1, 2 or 4; within the space
 * @value: set to it
 */
void function_read(const struct function *function, unsigned int at,
		   unsigned int size, u32 *value)
{
	*value = function->resetting ? ~0U :
		 space_get(&function->space, at, size);
}

/**
 * function_write - write a register
 * @function: the function; the lock is held
 * @at: where
 * @size: bytes: 1, 2 or 4; within the space
 * @value: what
 */
void function_write(struct function *function, unsigned int at,
		    unsigned int size, u32 value)
{
	if (function->resetting)
		return;
	space_write(&function->space, at, size, value);
	if (shape_is_port(&function->shape))
		settle_port(function);
	else if (asks_reset(function))
		reset(function);
	else
		settle(function);
}

/* The engine ---------------------------------------------------------------- */

static struct function *of_portal(struct portal *portal)
{
	return container_of(portal, struct function, portal);
}

static int convert(struct portal *portal, const struct iosim_desc *desc,
		   u32 *pasid)
{
	if (!(desc->flags & IOSIM_DESC_PASID))
		return 0;
	if (!READ_ONCE(of_portal(portal)->pasids) ||
	    desc->pasid >> portal->pasid_bits)
		return -EINVAL;
	*pasid = desc->pasid;
	return 0;
}

static void interrupt(struct portal *portal)
{
	message_send(of_portal(portal));
}

static const struct portal_ops portal_ops = {
	.convert = convert,
	.interrupt = interrupt,
};

static void finish_reset(struct function *function)
{
	unsigned long flags;

	portal_reset(&function->portal);
	raw_spin_lock_irqsave(&function_lock, flags);
	message_clear(function);
	WRITE_ONCE(function->resetting, false);
	settle(function);
	raw_spin_unlock_irqrestore(&function_lock, flags);
}

/* What a user may have done to the memory behind the BARs. Return: there was work. */
static bool look(struct function *function)
{
	bool worked = false;

	if (portal_asks_reset(&function->portal))
		portal_reset(&function->portal);
	while (READ_ONCE(function->active) && portal_poll(&function->portal))
		worked = true;
	if (READ_ONCE(function->pending))
		message_send(function);
	return worked;
}

static bool has_work(const struct function *function)
{
	return READ_ONCE(function->resetting) || READ_ONCE(function->active) ||
	       kthread_should_stop();
}

static int thread_fn(void *data)
{
	struct function *function = data;
	unsigned long busy_until = jiffies;
	unsigned int us;

	while (!kthread_should_stop()) {
		swait_event_idle_exclusive(function->wake, has_work(function));
		if (READ_ONCE(function->resetting)) {
			finish_reset(function);
			continue;
		}
		if (look(function))
			busy_until = jiffies + BUSY_JIFFIES;
		us = time_before(jiffies, busy_until) ? POLL_BUSY_US :
							POLL_IDLE_US;
		usleep_range_state(us, us + us / 4, TASK_IDLE);
	}
	return 0;
}

/* Coming and going ----------------------------------------------------------- */

static int alloc_bars(struct function *function)
{
	unsigned int i;

	for (i = 0; i < FUNCTION_BARS; i++) {
		struct bar *bar = &function->bars[i];

		bar->size = caps_bar_size(&function->shape, i * 2);
		if (!bar->size)
			continue;
		bar->own = kvzalloc(bar->size, GFP_KERNEL_ACCOUNT);
		if (!bar->own)
			return -ENOMEM;
	}
	return 0;
}

static void free_bars(struct function *function)
{
	unsigned int i;

	for (i = 0; i < FUNCTION_BARS; i++)
		kvfree(function->bars[i].own);
}

static u32 features(const struct iosim_config *config)
{
	return (config->pasid_bits ? IOSIM_FEATURE_PASID : 0) |
	       (config->pri ? IOSIM_FEATURE_PRI : 0);
}

static int make_engine(struct function *function)
{
	const struct iosim_config *config = &function->config;
	struct portal *portal = &function->portal;
	int rc;

	rc = alloc_bars(function);
	if (rc)
		goto err_bars;
	function->queue = queue_create(false);
	rc = -ENOMEM;
	if (!function->queue)
		goto err_bars;
	portal->ops = &portal_ops;
	portal->registers = function->bars[BAR_REGISTERS / 2].own;
	portal->memory = function->bars[BAR_MEMORY / 2].own;
	portal->memory_size = function->bars[BAR_MEMORY / 2].size;
	portal->pasid_bits = config->pasid_bits;
	portal->features = features(config);
	portal_init(portal, function->queue, function->endpoint);
	portal->requests = false;
	function->msix = function->bars[BAR_MSIX / 2].own;
	raw_spin_lock_irq(&function_lock);
	message_clear(function);
	raw_spin_unlock_irq(&function_lock);
	portal_open(portal);

	iosim_endpoint_master(function->endpoint, false);
	function->thread = kthread_run(thread_fn, function, "iosim-%s",
				       function->name);
	if (!IS_ERR(function->thread))
		return 0;
	rc = PTR_ERR(function->thread);
	portal_close(portal);
	queue_destroy(function->queue);
err_bars:
	free_bars(function);
	return rc;
}

static void drop_engine(struct function *function)
{
	unsigned int i;

	kthread_stop(function->thread);
	portal_close(&function->portal);
	raw_spin_lock_irq(&function_lock);
	for (i = 0; i < FUNCTION_BARS; i++)
		stop_decoding(function, i);
	raw_spin_unlock_irq(&function_lock);
	queue_destroy(function->queue);
	free_bars(function);
}

/**
 * function_create - make a function, which is nowhere yet
 * @name: of its directory
 * @shape: what it is like
 * @config: what the device is like, for the IOMMU
 *
 * Return: the function, or an error.
 */
struct function *function_create(const char *name, const struct shape *shape,
				 const struct iosim_config *config)
{
	struct function *function = kvzalloc(sizeof(*function),
					     GFP_KERNEL_ACCOUNT);
	int rc;

	if (!function)
		return ERR_PTR(-ENOMEM);
	strscpy(function->name, name);
	function->shape = *shape;
	function->config = *config;
	init_swait_queue_head(&function->wake);
	caps_fill(&function->space, &function->caps, shape, config);
	function->endpoint = iosim_pci_create(config, route_to_peer, function);
	if (IS_ERR(function->endpoint)) {
		rc = PTR_ERR(function->endpoint);
		goto err_free;
	}
	if (!shape_is_port(shape)) {
		rc = make_engine(function);
		if (rc)
			goto err_endpoint;
	}
	return function;

err_endpoint:
	iosim_pci_remove(function->endpoint);
err_free:
	kvfree(function);
	return ERR_PTR(rc);
}

/**
 * function_begin_leave - see to it that nothing gets below a port any more
 * @function: a port, or an engine
 *
 * Return: false if something is below it, and it stays as it is.
 */
bool function_begin_leave(struct function *function)
{
	unsigned long flags;
	bool empty;

	raw_spin_lock_irqsave(&function_lock, flags);
	empty = !function->nr_below;
	if (empty)
		function->leaving = true;
	raw_spin_unlock_irqrestore(&function_lock, flags);
	return empty;
}

/**
 * function_leave - take a function out of its place
 * @function: the function, with nothing below it
 */
void function_leave(struct function *function)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&function_lock, flags);
	list_del_rcu(&function->link);
	if (function->above)
		function->above->nr_below--;
	raw_spin_unlock_irqrestore(&function_lock, flags);
	/* Requests of others may be on their way past it. */
	synchronize_rcu();
}

/**
 * function_destroy - undo function_create()
 * @function: a function that is nowhere, and whose device has been removed
 */
void function_destroy(struct function *function)
{
	if (!shape_is_port(&function->shape))
		drop_engine(function);
	iosim_pci_remove(function->endpoint);
	kvfree(function);
}
