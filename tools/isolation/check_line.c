// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/check_line.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/acs_list.h"
#include "pci/kernel.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define OVERRIDE "pcie_acs_override"

/* Parameters ---------------------------------------------------------------- */

/**
 * struct myth - what makes the rounds, and does not do what it is said to
 * @name: the parameter
 * @word: a word in its value, or NULL: whatever the value
 * @kind: what it means to have it
 * @text: what is so
 */
static const struct myth {
	const char *name;
	const char *word;
	enum remark kind;
	const char *text;
} myths[] = {
	{ "config_acs", NULL, REMARK_WRONG,
	  "no parameter of its own: it has to be pci=config_acs=, and Linux ignores this" },
	{ "disable_acs_redir", NULL, REMARK_WRONG,
	  "no parameter of its own: it has to be pci=disable_acs_redir=, and Linux ignores this" },
	{ "pcie", "acs", REMARK_WRONG,
	  "there is no such parameter: Linux ignores it" },
	{ "amd_iommu", "on", REMARK_NOTE,
	  "there is no such value, and AMD-Vi is used without it" },
	{ "iommu", "on", REMARK_NOTE,
	  "there is no such value; VT-d takes intel_iommu=on, AMD-Vi is used anyway" },
	{ "iommu", "1", REMARK_NOTE,
	  "there is no such value; VT-d takes intel_iommu=on, AMD-Vi is used anyway" },
	{ "intel_iommu", "pt", REMARK_WRONG,
	  "there is no such value: it takes intel_iommu=on iommu=pt" },
	{ "intel_iommu", "off", REMARK_NOTE,
	  "no groups, and Linux does not switch ACS on" },
	{ "amd_iommu", "off", REMARK_NOTE,
	  "no groups, and Linux does not switch ACS on" },
	{ "iommu", "off", REMARK_NOTE,
	  "no groups, and Linux does not switch ACS on" },
};

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, length) &&
		    (!list[length] || list[length] == ','))
			return true;
	}
	return false;
}

/**
 * check_has_override() - is there a parameter of the ACS override patch?
 * @line: the command line
 *
 * Return: whether.
 */
bool check_has_override(const struct bootline *line)
{
	int i;

	for (i = 0; i < line->nr; i++)
		if (bootline_same_name(line->params[i].name, OVERRIDE))
			return true;
	return false;
}

static char *written(const struct boot_param *param)
{
	return param->value ? xasprintf("%s=%s", param->name, param->value) :
			      xasprintf("%s", param->name);
}

/* "acs" or "noacs" between the marks of a name. */
static bool is_about_acs(const char *name)
{
	size_t length;

	for (; *name; name += length + !!name[length]) {
		length = strcspn(name, "_-.");
		if ((length == 3 && !strncmp(name, "acs", 3)) ||
		    (length == 5 && !strncmp(name, "noacs", 5)))
			return true;
	}
	return false;
}

static void check_param(const struct boot_param *param, struct remarks *f)
{
	char *text = written(param);
	size_t i;

	for (i = 0; i < COUNT(myths); i++) {
		if (!bootline_same_name(param->name, myths[i].name) ||
		    (myths[i].word && !has_word(param->value, myths[i].word)))
			continue;
		remark(f, myths[i].kind, "parameter", text, "%s",
			myths[i].text);
		break;
	}
	if (i == COUNT(myths) && is_about_acs(param->name) &&
	    !bootline_same_name(param->name, OVERRIDE))
		remark(f, REMARK_WRONG, "parameter", text,
		       "there is no such parameter: Linux ignores it. Of ACS there are pci=disable_acs_redir= and pci=config_acs=");
	if (bootline_same_name(param->name, "PCI") &&
	    strcmp(param->name, "pci"))
		remark(f, REMARK_WRONG, "parameter", text,
			"parameters are in small letters: Linux ignores this");
	free(text);
}

/* An option that is none, in the words of what it was meant for. */
static void unknown_option(const struct bootline *line, int index,
			   struct remarks *f)
{
	const char *text = line->options[index].text;
	char *where = xasprintf("pci=%s", text);
	bool list = index && line->options[index - 1].kind >= PCI_CONFIG_ACS &&
		    line->options[index - 1].value;

	if (list && strpbrk(text, "@:"))
		remark(f, REMARK_WRONG, "comma", where,
			"the comma before it ends the list of %s, and this is no option: entries have semicolons between them",
			line->options[index - 1].text);
	else if (!strcmp(text, "config_acs") ||
		 !strcmp(text, "disable_acs_redir"))
		remark(f, REMARK_WRONG, "option", where,
			"without = and a list of devices there is no such option: Linux ignores it");
	else if (strstr(text, "acs"))
		remark(f, REMARK_WRONG, "option", where,
			"there is no such option: Linux ignores it. Of ACS there are disable_acs_redir= and config_acs=");
	else
		remark(f, REMARK_NOTE, "option", where,
			"not an option that this tool knows: Linux may ignore it");
	free(where);
}

static void check_list_option(const struct topology *t,
			      const struct bootline *line, int index,
			      struct remarks *f)
{
	const struct boot_option *option = &line->options[index];
	bool config = option->kind == PCI_CONFIG_ACS;
	unsigned int since = config ? KERNEL_CONFIG_ACS : KERNEL_DISABLE_REDIR;
	char *where = xasprintf("pci=%s", option->text);
	char kernel[KERNEL_TEXT_SIZE], first[KERNEL_TEXT_SIZE];

	if (t->kernel < since)
		remark(f, REMARK_WRONG, "too-old", where,
			"Linux %s ignores it: it came with %s%s",
			kernel_text(t->kernel, kernel),
			kernel_text(since, first), config ?
			"; where redirection is all that is to go off, disable_acs_redir= does, since 4.19" :
			"");
	else if (index != (config ? line->config : line->disable))
		remark(f, REMARK_WRONG, "overridden", where,
			"another one follows, and only the last counts: join the lists with a semicolon");
	else if (!*option->value)
		remark(f, REMARK_WRONG, "empty", where, "an empty list");
	free(where);
}

static void check_option(const struct topology *t, const struct bootline *line,
			 int index, struct remarks *f)
{
	switch (line->options[index].kind) {
	case PCI_UNKNOWN:
		unknown_option(line, index, f);
		break;
	case PCI_CONFIG_ACS:
	case PCI_DISABLE_REDIR:
		check_list_option(t, line, index, f);
		break;
	case PCI_NOMMCONF:
		remark(f, REMARK_NOTE, "option", line->options[index].text,
			"without the extended configuration space Linux finds no ACS: groups are larger than they need be, and no list has an effect");
		break;
	case PCI_NOATS:
		remark(f, REMARK_NOTE, "option", line->options[index].text,
			"no ATS; and where Linux sets ACS up, it switches Translation Blocking on");
		break;
	case PCI_OTHER:
		break;
	}
}

static void check_length(const struct bootline *line, struct remarks *f)
{
	if (line->length > BOOTLINE_MAX)
		remark(f, REMARK_WRONG, "length", NULL,
			"%zu characters: the kernel takes %d, and cuts off \"%.60s\"",
			line->length, BOOTLINE_MAX, line->text + BOOTLINE_MAX);
	else if (line->length == BOOTLINE_MAX)
		remark(f, REMARK_WRONG, "length", NULL,
			"%d characters, all that the kernel takes: more will have been cut off",
			BOOTLINE_MAX);
}

/**
 * check_params() - what parameters and options there are
 * @t: the machine
 * @line: the kernel's command line
 * @f: where to report
 */
void check_params(const struct topology *t, const struct bootline *line,
		  struct remarks *f)
{
	int i;

	check_length(line, f);
	for (i = 0; i < line->nr; i++)
		check_param(&line->params[i], f);
	if (line->rest && (strstr(line->rest, "pci=") ||
			   strstr(line->rest, "acs")))
		remark(f, REMARK_WRONG, "parameter", line->rest,
			"stands after --, and is for init, not for the kernel");
	for (i = 0; i < line->nr_options; i++)
		check_option(t, line, i, f);
}
