// SPDX-License-Identifier: GPL-2.0-only
/*
 * Portals.
 *
 * The page of registers is memory, and a user that has mapped it may write anywhere in
 * it. Only the user himself sees it: the kernel reads nothing from it but the
 * doorbell and the descriptor next to it, which it copies before it looks at it.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/string.h>

#include "portal.h"

/* The page, as iosim.h has it. */
struct registers {
	u32 magic;
	u32 version;
	u32 pasid_bits;
	u32 features;
	u32 queue_size;
	u32 busy;
	u64 completed;
	u32 ctrl;
	u32 doorbell;
	u32 unused[6];
	struct iosim_desc desc;
};

static_assert(offsetof(struct registers, completed) == IOSIM_REG_COMPLETED);
static_assert(offsetof(struct registers, doorbell) == IOSIM_REG_DOORBELL);
static_assert(offsetof(struct registers, desc) == IOSIM_REG_DESC);
static_assert(sizeof(struct registers) == PORTAL_REGISTERS);

static struct portal *to_portal(struct queue_source *source)
{
	return container_of(source, struct portal, source);
}

static void portal_changed(struct queue_source *source)
{
	struct portal *portal = to_portal(source);

	raw_spin_lock(&portal->page);
	WRITE_ONCE(portal->registers->busy, source->busy);
	WRITE_ONCE(portal->registers->completed, source->completed);
	raw_spin_unlock(&portal->page);
}

static void portal_interrupt(struct queue_source *source)
{
	struct portal *portal = to_portal(source);

	portal->ops->interrupt(portal);
}

/* What cannot be written, whatever a user has done to the page. */
static void read_only_registers(struct portal *portal,
				struct registers *registers)
{
	struct queue_source *source = &portal->source;

	registers->magic = IOSIM_MAGIC;
	registers->version = 1;
	registers->pasid_bits = portal->pasid_bits;
	registers->features = portal->features;
	registers->queue_size = source->queue->share;
	registers->ctrl = READ_ONCE(portal->poller) ? IOSIM_CTRL_POLL : 0;

	spin_lock_irq(&source->queue->lock);
	registers->busy = source->busy;
	registers->completed = source->completed;
	spin_unlock_irq(&source->queue->lock);
}

/* The portal is closed: nothing changes meanwhile. */
static void clear_registers(struct portal *portal)
{
	struct queue_source *source = &portal->source;
	struct registers fresh = { };

	spin_lock_irq(&source->queue->lock);
	source->completed = 0;
	spin_unlock_irq(&source->queue->lock);
	read_only_registers(portal, &fresh);
	raw_spin_lock_irq(&portal->page);
	memset(portal->registers, 0, PAGE_SIZE);
	*portal->registers = fresh;
	raw_spin_unlock_irq(&portal->page);
}

/**
 * portal_submit - submit a descriptor
 * @portal: the portal
 * @desc: the descriptor; the user cannot write to it any more
 *
 * Return: 0, -EAGAIN if the queue is full or the portal is being reset, or what the
 * conversion of the PASID returns.
 */
int portal_submit(struct portal *portal, const struct iosim_desc *desc)
{
	struct queue_entry entry = {
		.desc = *desc,
		.pasid = IOSIM_NO_PASID,
		.valid = engine_valid(desc),
		.block = desc->flags & IOSIM_DESC_BLOCK &&
			 portal->features & IOSIM_FEATURE_PRI &&
			 READ_ONCE(portal->requests),
	};
	int rc = -EAGAIN;

	down_read(&portal->gate);
	if (portal->open) {
		rc = portal->ops->convert(portal, desc, &entry.pasid);
		if (!rc)
			rc = queue_submit(&portal->source, &entry);
	}
	up_read(&portal->gate);
	return rc;
}

/* What is at the doorbell, if it has been rung. */
static bool take_descriptor(struct portal *portal, struct iosim_desc *desc)
{
	bool rung;

	raw_spin_lock_irq(&portal->page);
	/* Pairs with the user's store after those to the descriptor. */
	rung = smp_load_acquire(&portal->registers->doorbell);
	if (rung)
		memcpy(desc, &portal->registers->desc, sizeof(*desc));
	raw_spin_unlock_irq(&portal->page);
	return rung;
}

/**
 * portal_poll - look at the doorbell
 * @portal: the portal
 *
 * Return: whether a descriptor has been taken.
 */
bool portal_poll(struct portal *portal)
{
	struct iosim_desc desc;

	if (!take_descriptor(portal, &desc) ||
	    portal_submit(portal, &desc) == -EAGAIN)
		return false;	/* next time */
	raw_spin_lock_irq(&portal->page);
	/* The descriptor can be overwritten. */
	smp_store_release(&portal->registers->doorbell, 0);
	raw_spin_unlock_irq(&portal->page);
	return true;
}

/**
 * portal_asks_reset - has IOSIM_CTRL_RESET been written by who has mapped the registers?
 * @portal: the portal; it is for the caller to reset it
 */
bool portal_asks_reset(struct portal *portal)
{
	u32 ctrl;

	raw_spin_lock_irq(&portal->page);
	ctrl = READ_ONCE(portal->registers->ctrl);
	raw_spin_unlock_irq(&portal->page);
	return ctrl & IOSIM_CTRL_RESET;
}

static int poll_fn(void *data)
{
	while (!kthread_should_stop()) {
		portal_poll(data);
		usleep_range_state(900, 1100, TASK_IDLE);
	}
	return 0;
}

static int set_polling(struct portal *portal, bool on)
{
	struct task_struct *poller = portal->poller;

	lockdep_assert_held(&portal->control);
	if (on == !!poller)
		return 0;
	if (on) {
		poller = kthread_run(poll_fn, portal, "iosim-doorbell");
		if (IS_ERR(poller))
			return PTR_ERR(poller);
		WRITE_ONCE(portal->poller, poller);
	} else {
		WRITE_ONCE(portal->poller, NULL);
		kthread_stop(poller);
	}
	raw_spin_lock_irq(&portal->page);
	WRITE_ONCE(portal->registers->ctrl, on ? IOSIM_CTRL_POLL : 0);
	raw_spin_unlock_irq(&portal->page);
	return 0;
}

static void set_open(struct portal *portal, bool open)
{
	down_write(&portal->gate);
	portal->open = open;
	up_write(&portal->gate);
}

static void stop(struct portal *portal)
{
	set_open(portal, false);
	set_polling(portal, false);
	queue_abort(&portal->source);
}

static void start(struct portal *portal)
{
	clear_registers(portal);
	raw_spin_lock_irq(&portal->page);
	if (portal->memory)
		memset(portal->memory, 0, portal->memory_size);
	raw_spin_unlock_irq(&portal->page);
	set_open(portal, true);
}

/**
 * portal_open - clear the registers and the memory, and take submissions
 * @portal: a closed portal
 */
void portal_open(struct portal *portal)
{
	mutex_lock(&portal->control);
	start(portal);
	mutex_unlock(&portal->control);
}

/**
 * portal_close - stop everything
 * @portal: the portal
 *
 * What waits is forgotten, what runs aborted. When it returns there is no DMA.
 */
void portal_close(struct portal *portal)
{
	mutex_lock(&portal->control);
	stop(portal);
	mutex_unlock(&portal->control);
}

/**
 * portal_reset - close and open a portal
 * @portal: an open portal
 */
void portal_reset(struct portal *portal)
{
	mutex_lock(&portal->control);
	stop(portal);
	start(portal);
	mutex_unlock(&portal->control);
}

/**
 * portal_pause - stop the DMA that came through a portal
 * @portal: an open portal
 *
 * When it returns no PASID that has been converted before is in use any more, and
 * none is converted until portal_resume(), which the same thread has to call.
 */
void portal_pause(struct portal *portal)
{
	mutex_lock(&portal->control);
	set_open(portal, false);
	queue_abort(&portal->source);
}

/**
 * portal_resume - take submissions again
 * @portal: a portal that has been paused
 */
void portal_resume(struct portal *portal)
{
	set_open(portal, true);
	mutex_unlock(&portal->control);
}

/**
 * portal_read - read the registers
 * @portal: the portal
 * @copy: PORTAL_REGISTERS bytes
 */
void portal_read(struct portal *portal, void *copy)
{
	raw_spin_lock_irq(&portal->page);
	memcpy(copy, portal->registers, PORTAL_REGISTERS);
	raw_spin_unlock_irq(&portal->page);
	read_only_registers(portal, copy);
}

static int write_ctrl(struct portal *portal, u32 value)
{
	int rc;

	if (value & ~(IOSIM_CTRL_RESET | IOSIM_CTRL_POLL))
		return -EINVAL;
	if (value & IOSIM_CTRL_RESET)
		portal_reset(portal);
	mutex_lock(&portal->control);
	rc = set_polling(portal, value & IOSIM_CTRL_POLL);
	mutex_unlock(&portal->control);
	return rc;
}

/**
 * portal_write - write registers
 * @portal: an open portal
 * @offset: of the first, in bytes
 * @data: what to write
 * @length: bytes, not 0
 *
 * Return: 0, -EINVAL if one of them cannot be written or not in this size, or what
 * starting the poller returns.
 */
int portal_write(struct portal *portal, unsigned int offset, const void *data,
		 size_t length)
{
	u32 value;

	if (!IS_ALIGNED(offset | length, sizeof(value)))
		return -EINVAL;
	if (offset >= IOSIM_REG_DESC &&
	    offset + length <= IOSIM_REG_DESC + sizeof(struct iosim_desc)) {
		raw_spin_lock_irq(&portal->page);
		memcpy((void *)portal->registers + offset, data, length);
		raw_spin_unlock_irq(&portal->page);
		return 0;
	}

	if (length != sizeof(value))
		return -EINVAL;
	memcpy(&value, data, sizeof(value));
	switch (offset) {
	case IOSIM_REG_DOORBELL:
		raw_spin_lock_irq(&portal->page);
		/* After the descriptor. */
		smp_store_release(&portal->registers->doorbell, value);
		raw_spin_unlock_irq(&portal->page);
		return 0;
	case IOSIM_REG_CTRL:
		return write_ctrl(portal, value);
	default:
		return -EINVAL;
	}
}

/**
 * portal_move_registers - keep the registers elsewhere from now on
 * @portal: the portal
 * @to: a page, which gets what is in them
 *
 * In any context.
 */
void portal_move_registers(struct portal *portal, void *to)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&portal->page, flags);
	memcpy(to, portal->registers, PAGE_SIZE);
	portal->registers = to;
	raw_spin_unlock_irqrestore(&portal->page, flags);
}

/**
 * portal_move_memory - keep the memory elsewhere from now on
 * @portal: a portal with memory
 * @to: as many bytes, which get what is in it
 *
 * In any context.
 */
void portal_move_memory(struct portal *portal, void *to)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&portal->page, flags);
	memcpy(to, portal->memory, portal->memory_size);
	portal->memory = to;
	raw_spin_unlock_irqrestore(&portal->page, flags);
}

/**
 * portal_init - make a portal, closed
 * @portal: the portal; what is particular to it has been set, the rest is zero
 * @queue: what it submits to
 * @endpoint: of the device
 */
void portal_init(struct portal *portal, struct queue *queue,
		 struct iosim_endpoint *endpoint)
{
	portal->source.changed = portal_changed;
	portal->source.interrupt = portal_interrupt;
	queue_source_init(&portal->source, queue, endpoint);
	raw_spin_lock_init(&portal->page);
	portal->requests = true;
	mutex_init(&portal->control);
	init_rwsem(&portal->gate);
}
