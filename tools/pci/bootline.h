/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's command line, read as the kernel does: parameters, and the options of
 * pci= among them.
 */
#ifndef IOASID_BOOTLINE_H
#define IOASID_BOOTLINE_H

#include <stdbool.h>
#include <stddef.h>

/* COMMAND_LINE_SIZE of x86 and arm64; the last byte is a zero. */
#define BOOTLINE_MAX 2047

/**
 * enum pci_option - what an option of pci= is to us
 * @PCI_UNKNOWN: there is no such option
 * @PCI_OTHER: one that does not touch ACS
 * @PCI_CONFIG_ACS: config_acs=
 * @PCI_DISABLE_REDIR: disable_acs_redir=
 * @PCI_NOATS: noats
 * @PCI_NOMMCONF: nommconf, or another way to have no extended configuration space
 */
enum pci_option {
	PCI_UNKNOWN,
	PCI_OTHER,
	PCI_CONFIG_ACS,
	PCI_DISABLE_REDIR,
	PCI_NOATS,
	PCI_NOMMCONF,
};

/**
 * struct boot_param - a parameter
 * @name: what stands before the first =
 * @value: what stands behind it, NULL without one
 */
struct boot_param {
	const char *name;
	const char *value;
};

/**
 * struct boot_option - an option of pci=
 * @text: as it is written
 * @value: of one with a list, the list; or NULL
 * @kind: which it is
 */
struct boot_option {
	const char *text;
	const char *value;
	enum pci_option kind;
};

/**
 * struct bootline - a command line
 * @text: all of it, without white space at the end
 * @length: its length
 * @params: the parameters
 * @nr: how many
 * @rest: what comes after --, which is init's; or NULL
 * @options: the options of all pci=
 * @nr_options: how many
 * @config: index in @options of the config_acs= that counts, -1 for none
 * @disable: the same of disable_acs_redir=
 * @copy: where the strings are
 */
struct bootline {
	char *text;
	size_t length;
	struct boot_param *params;
	int nr;
	const char *rest;
	struct boot_option *options;
	int nr_options;
	int config;
	int disable;
	char *copy;
};

struct bootline *bootline_parse(const char *text, unsigned int kernel);
void bootline_free(struct bootline *line);
bool bootline_same_name(const char *name, const char *other);
const char *bootline_list(const struct bootline *line, enum pci_option kind);

#endif
