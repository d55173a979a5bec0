// SPDX-License-Identifier: GPL-2.0-only
#include "pci/class.h"

#include <stdlib.h>
#include <string.h>

/* Class and subclass, and which bits of the two are meant. */
static const struct {
	const char *word;
	uint16_t class, mask;
} classes[] = {
	{ "gpu", 0x0300, 0xff00 },	{ "gpu", 0x1200, 0xff00 },
	{ "display", 0x0300, 0xff00 },	{ "accelerator", 0x1200, 0xff00 },
	{ "storage", 0x0100, 0xff00 },	{ "nvme", 0x0108, 0xffff },
	{ "network", 0x0200, 0xff00 },	{ "ethernet", 0x0200, 0xffff },
	{ "infiniband", 0x0207, 0xffff }, { "audio", 0x0401, 0xffff },
	{ "audio", 0x0403, 0xffff },	{ "usb", 0x0c03, 0xffff },
	{ "bridge", 0x0600, 0xff00 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Two digits are a class, four are one with its subclass, as in lspci -n. */
static bool is_number(const char *word)
{
	size_t length = strlen(word);

	return strspn(word, "0123456789abcdefABCDEF") == length &&
	       (length == 2 || length == 4);
}

/**
 * class_known() - is this a word for a class?
 * @word: the word: one of class_words(), or two or four hexadecimal digits
 *
 * Return: whether.
 */
bool class_known(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT(classes); i++)
		if (!strcmp(word, classes[i].word))
			return true;
	return is_number(word);
}

/**
 * class_fits() - is a device of a class?
 * @class: the device's class and subclass
 * @word: a word that class_known() knows
 *
 * Return: whether.
 */
bool class_fits(uint16_t class, const char *word)
{
	unsigned long number;
	size_t i;

	for (i = 0; i < COUNT(classes); i++)
		if (!strcmp(word, classes[i].word) &&
		    (class & classes[i].mask) == classes[i].class)
			return true;
	if (!is_number(word))
		return false;
	number = strtoul(word, NULL, 16);
	return number == (strlen(word) == 2 ? class >> 8 : class);
}

/**
 * class_words() - the words, for messages
 *
 * Return: a list with commas.
 */
const char *class_words(void)
{
	return "gpu, display, accelerator, storage, nvme, network, ethernet, infiniband, audio, usb, bridge";
}

/**
 * class_computes() - is it a GPU, or another accelerator?
 * @class: class and subclass
 *
 * Return: whether.
 */
bool class_computes(uint16_t class)
{
	return class_fits(class, "gpu");
}

/**
 * class_is_system() - is it of the processor or chipset, and of no user's interest?
 * @class: class and subclass
 *
 * Memory controllers, performance counters, interrupt controllers and the like, of
 * which a server has a hundred.
 *
 * Return: whether.
 */
bool class_is_system(uint16_t class)
{
	uint8_t base = class >> 8;

	return base == 0x05 || base == 0x08 || base == 0x11 ||
	       (base == 0x06 && class != 0x0604);
}
