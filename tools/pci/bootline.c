// SPDX-License-Identifier: GPL-2.0-only
#include "pci/bootline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/kernel.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SINCE_6_12 0	/* or before */
#define SINCE_7_3 KERNEL(7, 3)

/**
 * struct known_option - an option of pci= that there is
 * @name: its name, with = if a value follows
 * @whole: nothing may follow the name; otherwise anything may, and is ignored
 * @since: the kernel that has it first, as far as we tell them apart
 * @kind: what it is to us
 *
 * selftests/tools/kernel-rules compares the table with the kernel's parsers.
 */
static const struct known_option {
	const char *name;
	bool whole;
	unsigned int since;
	enum pci_option kind;
} options[] = {
	{ "off", true, SINCE_6_12, PCI_OTHER },
	{ "bfsort", true, SINCE_6_12, PCI_OTHER },
	{ "nobfsort", true, SINCE_6_12, PCI_OTHER },
	{ "bios", true, SINCE_6_12, PCI_NOMMCONF },
	{ "nobios", true, SINCE_6_12, PCI_OTHER },
	{ "biosirq", true, SINCE_6_12, PCI_OTHER },
	{ "pirqaddr=", false, SINCE_6_12, PCI_OTHER },
	{ "conf1", true, SINCE_6_12, PCI_NOMMCONF },
	{ "conf2", true, SINCE_6_12, PCI_NOMMCONF },
	{ "nommconf", true, SINCE_6_12, PCI_NOMMCONF },
	{ "check_enable_amd_mmconf", true, SINCE_6_12, PCI_OTHER },
	{ "noacpi", true, SINCE_6_12, PCI_OTHER },
	{ "noearly", true, SINCE_6_12, PCI_OTHER },
	{ "usepirqmask", true, SINCE_6_12, PCI_OTHER },
	{ "irqmask=", false, SINCE_6_12, PCI_OTHER },
	{ "lastbus=", false, SINCE_6_12, PCI_OTHER },
	{ "rom", true, SINCE_6_12, PCI_OTHER },
	{ "norom", true, SINCE_6_12, PCI_OTHER },
	{ "nobar", true, SINCE_6_12, PCI_OTHER },
	{ "assign-busses", true, SINCE_6_12, PCI_OTHER },
	{ "use_crs", true, SINCE_6_12, PCI_OTHER },
	{ "nocrs", true, SINCE_6_12, PCI_OTHER },
	{ "use_e820", true, SINCE_6_12, PCI_OTHER },
	{ "no_e820", true, SINCE_6_12, PCI_OTHER },
	{ "big_root_window", true, SINCE_6_12, PCI_OTHER },
	{ "routeirq", true, SINCE_6_12, PCI_OTHER },
	{ "skip_isa_align", true, SINCE_6_12, PCI_OTHER },
	{ "noioapicquirk", true, SINCE_6_12, PCI_OTHER },
	{ "ioapicreroute", true, SINCE_6_12, PCI_OTHER },
	{ "noioapicreroute", true, SINCE_6_12, PCI_OTHER },
	{ "nomsi", true, SINCE_6_12, PCI_OTHER },
	{ "noats", false, SINCE_6_12, PCI_NOATS },
	{ "noaer", true, SINCE_6_12, PCI_OTHER },
	{ "earlydump", true, SINCE_6_12, PCI_OTHER },
	{ "realloc=", false, SINCE_6_12, PCI_OTHER },
	{ "realloc", false, SINCE_6_12, PCI_OTHER },
	{ "nodomains", true, SINCE_6_12, PCI_OTHER },
	{ "noari", false, SINCE_6_12, PCI_OTHER },
	{ "notph", false, SINCE_7_3, PCI_OTHER },
	{ "cbiosize=", false, SINCE_6_12, PCI_OTHER },
	{ "cbmemsize=", false, SINCE_6_12, PCI_OTHER },
	{ "resource_alignment=", false, SINCE_6_12, PCI_OTHER },
	{ "ecrc=", false, SINCE_6_12, PCI_OTHER },
	{ "hpiosize=", false, SINCE_6_12, PCI_OTHER },
	{ "hpmmiosize=", false, SINCE_6_12, PCI_OTHER },
	{ "hpmmioprefsize=", false, SINCE_6_12, PCI_OTHER },
	{ "hpmemsize=", false, SINCE_6_12, PCI_OTHER },
	{ "hpbussize=", false, SINCE_6_12, PCI_OTHER },
	{ "pcie_bus_tune_off", false, SINCE_6_12, PCI_OTHER },
	{ "pcie_bus_safe", false, SINCE_6_12, PCI_OTHER },
	{ "pcie_bus_perf", false, SINCE_6_12, PCI_OTHER },
	{ "pcie_bus_peer2peer", false, SINCE_6_12, PCI_OTHER },
	{ "pcie_scan_all", false, SINCE_6_12, PCI_OTHER },
	{ "disable_acs_redir=", false, SINCE_6_12, PCI_DISABLE_REDIR },
	{ "config_acs=", false, SINCE_6_12, PCI_CONFIG_ACS },
};

/* The next parameter, as next_arg() of the kernel finds it; quotes are taken off. */
static char *next_param(char *at, struct boot_param *param)
{
	bool inside = *at == '"', quoted = inside;
	char *end, *value = NULL;

	if (quoted)
		at++;
	for (end = at; *end; end++) {
		if (isspace((unsigned char)*end) && !inside)
			break;
		/* An = at the very beginning does not count for the kernel */
		if (*end == '=' && !value && end > at)
			value = end + 1;
		if (*end == '"')
			inside = !inside;
	}
	param->name = at;
	param->value = value;
	if (value) {
		value[-1] = '\0';
		if (*value == '"') {
			param->value = value + 1;
			if (end[-1] == '"')
				end[-1] = '\0';
		}
	}
	if (quoted && end > at && end[-1] == '"')
		end[-1] = '\0';
	if (*end)
		*end++ = '\0';
	while (isspace((unsigned char)*end))
		end++;
	return end;
}

static struct boot_option look_up(const char *text, unsigned int kernel)
{
	struct boot_option option = { .text = text, .kind = PCI_UNKNOWN };
	size_t i, length;

	for (i = 0; i < COUNT(options); i++) {
		length = strlen(options[i].name);
		if (options[i].since > kernel ||
		    (options[i].whole ? strcmp(text, options[i].name) :
		     strncmp(text, options[i].name, length)))
			continue;
		option.kind = options[i].kind;
		if (options[i].name[length - 1] == '=')
			option.value = text + length;
		break;
	}
	return option;
}

/* What the kernel does not know yet is no option of it. */
static bool has_option(unsigned int kernel, enum pci_option kind)
{
	switch (kind) {
	case PCI_CONFIG_ACS:
		return kernel >= KERNEL_CONFIG_ACS;
	case PCI_DISABLE_REDIR:
		return kernel >= KERNEL_DISABLE_REDIR;
	default:
		return true;
	}
}

/* Commas separate options, whatever is on both sides of them. */
static void add_options(struct bootline *line, char *text, unsigned int kernel)
{
	struct boot_option *option;
	char *word;

	while ((word = strsep(&text, ","))) {
		if (!*word)
			continue;
		line->options = xrealloc(line->options, line->nr_options + 1,
					 sizeof(*line->options));
		option = &line->options[line->nr_options];
		*option = look_up(word, kernel);
		if (!has_option(kernel, option->kind))
			/* nothing comes of it */;
		else if (option->kind == PCI_CONFIG_ACS)
			line->config = line->nr_options;
		else if (option->kind == PCI_DISABLE_REDIR)
			line->disable = line->nr_options;
		line->nr_options++;
	}
}

/**
 * bootline_parse() - read a command line
 * @text: the line; what does not fit into the kernel's buffer is left out, as there
 * @kernel: the kernel that reads it
 *
 * Return: what the kernel finds in it.
 */
struct bootline *bootline_parse(const char *text, unsigned int kernel)
{
	struct bootline *line = xcalloc(1, sizeof(*line));
	char *at;

	line->config = line->disable = -1;
	line->text = xasprintf("%s", text);
	line->length = strlen(text);
	while (line->length &&
	       isspace((unsigned char)line->text[line->length - 1]))
		line->text[--line->length] = '\0';
	line->copy = xasprintf("%.*s", BOOTLINE_MAX, line->text);
	at = line->copy + strspn(line->copy, " \t\n");
	while (*at) {
		struct boot_param *param;

		line->params = xrealloc(line->params, line->nr + 1,
					sizeof(*line->params));
		param = &line->params[line->nr];
		at = next_param(at, param);
		if (!param->value && !strcmp(param->name, "--")) {
			line->rest = *at ? at : NULL;
			break;
		}
		line->nr++;
		if (param->value && !strcmp(param->name, "pci"))
			add_options(line, (char *)param->value, kernel);
	}
	return line;
}

/**
 * bootline_free() - the end of it
 * @line: the line, or NULL
 */
void bootline_free(struct bootline *line)
{
	if (!line)
		return;
	free(line->text);
	free(line->copy);
	free(line->params);
	free(line->options);
	free(line);
}

/**
 * bootline_same_name() - do two names mean the same parameter?
 * @name: one
 * @other: another
 *
 * To the kernel, - and _ are one.
 *
 * Return: whether.
 */
bool bootline_same_name(const char *name, const char *other)
{
	for (; *name && *other; name++, other++)
		if ((*name == '-' ? '_' : *name) !=
		    (*other == '-' ? '_' : *other))
			return false;
	return *name == *other;
}

/**
 * bootline_list() - the list that counts
 * @line: the command line
 * @kind: PCI_CONFIG_ACS or PCI_DISABLE_REDIR
 *
 * Return: the list, NULL for none.
 */
const char *bootline_list(const struct bootline *line, enum pci_option kind)
{
	int index = kind == PCI_CONFIG_ACS ? line->config : line->disable;

	return index < 0 ? NULL : line->options[index].value;
}
