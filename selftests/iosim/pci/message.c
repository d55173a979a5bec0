// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of functions: MSI and MSI-X.
 *
 * A message is a write to memory. Where it goes to the addresses of interrupts, the
 * controller takes it; elsewhere it is DMA as any other, through the IOMMU: a user who has
 * mapped the table of MSI-X may write any address into it.
 *
 * An interrupt that is masked is pending. Whoever unmasks it in the table writes to
 * memory, which nobody notices: the function tries again when it looks at its doorbell.
 */
#include <linux/pci_regs.h>

#include "controller.h"
#include "function.h"
#include "message.h"

#define ENTRY_VECTOR	0

/**
 * struct message - what is written to raise an interrupt
 * @address: where to
 * @data: what
 */
struct message {
	u64 address;
	u32 data;
};

/* An entry of the table in the BAR. */
struct entry {
	u32 address_low;
	u32 address_high;
	u32 data;
	u32 control;
};

static void set_pending(struct function *function, bool pending)
{
	u64 *bits = function->msix + MSIX_PENDING;

	function->pending = pending;
	if (function->msix)
		WRITE_ONCE(*bits, pending ? BIT_ULL(ENTRY_VECTOR) : 0);
}

/* Return: whether to send it. */
static bool from_msix(const struct function *function, struct message *message,
		      bool *masked)
{
	const struct entry *entry = function->msix;
	u16 flags = space_get16(&function->space,
				function->caps.msix + PCI_MSIX_FLAGS);

	if (!(flags & PCI_MSIX_FLAGS_ENABLE))
		return false;
	message->address = (u64)READ_ONCE(entry->address_high) << 32 |
			   READ_ONCE(entry->address_low);
	message->data = READ_ONCE(entry->data);
	*masked = flags & PCI_MSIX_FLAGS_MASKALL ||
		  READ_ONCE(entry->control) & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	return !*masked;
}

static bool from_msi(const struct function *function, struct message *message,
		     bool *masked)
{
	const struct space *space = &function->space;
	unsigned int at = function->caps.msi;

	if (!(space_get16(space, at + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE))
		return false;
	message->address = (u64)space_get32(space, at + PCI_MSI_ADDRESS_HI) << 32 |
			   space_get32(space, at + PCI_MSI_ADDRESS_LO);
	message->data = space_get16(space, at + PCI_MSI_DATA_64);
	*masked = space_get32(space, at + PCI_MSI_MASK_64) & 1;
	return !*masked;
}

/* What to send, if anything; what is masked becomes pending. */
static bool compose(struct function *function, struct message *message)
{
	bool masked = false, send = false;

	lockdep_assert_held(&function_lock);
	if (function->caps.msix)
		send = from_msix(function, message, &masked);
	if (!send && !masked && function->caps.msi)
		send = from_msi(function, message, &masked);
	set_pending(function, masked);
	return send;
}

static void write_memory(struct function *function,
			 const struct message *message)
{
	struct iosim_access access = {
		.pasid = IOSIM_NO_PASID,
		.iova = message->address,
		.length = sizeof(message->data),
		.buffer = (void *)&message->data,
		.write = true,
	};

	iosim_access(function->endpoint, &access);
}

/**
 * message_send - raise the interrupt of a function, or leave it pending
 * @function: an engine
 *
 * It may sleep.
 */
void message_send(struct function *function)
{
	bool isolated = function->config.isolated_msi;
	struct message message;
	struct pci_dev *pdev;
	unsigned long flags;
	bool send;

	raw_spin_lock_irqsave(&function_lock, flags);
	send = function->active && compose(function, &message);
	pdev = function->pdev;
	raw_spin_unlock_irqrestore(&function_lock, flags);
	if (!send)
		return;
	if (controller_takes(message.address))
		controller_raise(pdev, isolated, message.data);
	else
		write_memory(function, &message);
}

/**
 * message_clear - nothing is pending, and every entry of the table masked
 * @function: an engine; the lock is held
 */
void message_clear(struct function *function)
{
	struct entry *entry = function->msix;
	unsigned int i;

	lockdep_assert_held(&function_lock);
	function->pending = false;
	if (!entry)
		return;
	memset(function->msix, 0, PAGE_SIZE);
	for (i = 0; i < function->shape.msix; i++)
		entry[i].control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}
