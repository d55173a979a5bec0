// SPDX-License-Identifier: GPL-2.0-only
#include "pci/registers.h"

#include <pci/pci.h>

#include "pci/dump.h"

/* As many as fit, each of 4 bytes. */
#define LIST_MAX ((256 - 64) / 4)
#define EXTENDED_MAX ((4096 - 256) / 4)

#define HEADER_TYPE 0x7f

/**
 * registers_known() - can these be read?
 * @r: the function
 * @offset: of the first byte
 * @size: how many; at most 32
 *
 * Return: whether.
 */
bool registers_known(const struct registers *r, unsigned int offset,
		     unsigned int size)
{
	const struct pci_dev *dev = r->dev;
	uint8_t bytes[32];

	if (r->dump)
		return dump_knows(r->dump, dev->domain, dev->bus,
				  dev->dev << 3 | dev->func, offset, size);
	return pci_read_block(r->dev, offset, bytes, size) != 0;
}

/**
 * registers_answer() - does the function answer?
 * @r: the function
 *
 * One that sleeps, or has fallen off its bus, has ones in all registers.  A virtual
 * function has them in place of its IDs only.
 *
 * Return: whether its header is known.
 */
bool registers_answer(const struct registers *r)
{
	return registers_known(r, PCI_VENDOR_ID, 16) &&
	       (pci_read_long(r->dev, PCI_VENDOR_ID) != 0xffffffff ||
		pci_read_long(r->dev, PCI_COMMAND) != 0xffffffff);
}

/* Where the list begins, which no function without the flag has. */
static unsigned int list_head(const struct registers *r)
{
	uint8_t type = pci_read_byte(r->dev, PCI_HEADER_TYPE) & HEADER_TYPE;

	return type == PCI_HEADER_TYPE_CARDBUS ? PCI_CB_CAPABILITY_LIST :
						 PCI_CAPABILITY_LIST;
}

/**
 * registers_list_known() - is the whole list of capabilities known?
 * @r: the function
 *
 * Return: whether; then what is not in it is not there.
 */
bool registers_list_known(const struct registers *r)
{
	unsigned int at, i;

	if (!registers_answer(r))
		return false;
	if (!(pci_read_word(r->dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return true;
	at = list_head(r);
	if (!registers_known(r, at, 1))
		return false;
	at = pci_read_byte(r->dev, at) & ~3;
	for (i = 0; at >= 0x40 && i < LIST_MAX; i++) {
		if (!registers_known(r, at, 2))
			return false;
		at = pci_read_byte(r->dev, at + 1) & ~3;
	}
	return true;
}

/**
 * registers_extended_known() - is the whole list of extended ones known?
 * @r: a function with PCI Express
 *
 * Where the running kernel has but 256 bytes, it sees no more than we do.
 *
 * Return: whether; then what is not in it is not there.
 */
bool registers_extended_known(const struct registers *r)
{
	unsigned int at = 0x100, i;
	uint32_t head;

	if (!r->dump && !registers_known(r, at, 4))
		return registers_known(r, 0x40, 4);
	for (i = 0; at >= 0x100 && i < EXTENDED_MAX; i++) {
		if (!registers_known(r, at, 4))
			return false;
		head = pci_read_long(r->dev, at);
		if (!head || head == 0xffffffff)
			break;
		at = head >> 20 & ~3;
	}
	return true;
}
