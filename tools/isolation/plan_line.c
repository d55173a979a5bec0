// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plan as kernel parameters.
 */
#include <stdlib.h>
#include <string.h>

#include "isolation/plan.h"
#include "output.h"
#include "pci/acs.h"
#include "pci/acs_list.h"

static bool changes(const struct plan *p, int index)
{
	return p->now[index] != p->then[index];
}

/* An entry of the present list that has nothing to say any more. */
static bool superseded(const struct plan *p, const char *device)
{
	const char *end;
	bool fits, any = false;
	int i;

	for (i = 0; i < p->t->nr; i++) {
		if (!acs_list_device(p->t, i, device, &end, &fits))
			return false;
		if (!fits)
			continue;
		any = true;
		if (!changes(p, i))
			return false;
	}
	return any;
}

static void append(char **line, const char *start, const char *entry)
{
	char *longer = xasprintf("%s%s%s", *line ? *line : start,
				 *line ? ";" : "", entry);

	free(*line);
	*line = longer;
}

/* What the command line has already, without what the plan replaces. */
static void append_present(const struct plan *p, const struct bootline *present,
			   enum pci_option kind, char **line, const char *start)
{
	const char *list = present ? bootline_list(present, kind) : NULL;
	char *copy = list ? xasprintf("%s", list) : NULL;
	char *entry, *rest = copy;

	while ((entry = strsep(&rest, ";"))) {
		char *flags = kind == PCI_CONFIG_ACS ? strchr(entry, '@') :
						       NULL;

		if (*entry && !superseded(p, flags ? flags + 1 : entry))
			append(line, start, entry);
	}
	free(copy);
}

/**
 * plan_line() - the plan as pci=config_acs=
 * @p: the plan
 * @present: the present command line of the kernel, or NULL
 *
 * The kernel takes the last config_acs= that it finds, and of that the first
 * entry that fits a device: ours come first, then what was there.
 *
 * Return: "pci=config_acs=...", to be freed; NULL if nothing is to be set.
 */
char *plan_line(const struct plan *p, const struct bootline *present)
{
	static const char start[] = "pci=config_acs=";
	char flags[ACS_FLAGS_SIZE], *line = NULL, *path, *entry;
	int i;

	for (i = 0; i < p->t->nr; i++) {
		if (!changes(p, i))
			continue;
		path = topology_path(p->t, i);
		entry = xasprintf("%s@%s", acs_flags(p->t->functions[i].acs.cap,
						     p->then[i], flags), path);
		append(&line, start, entry);
		free(entry);
		free(path);
	}
	if (line)
		append_present(p, present, PCI_CONFIG_ACS, &line, start);
	return line;
}

static bool is_above(const struct topology *t, int above, int index)
{
	while ((index = topology_upstream(t, index)) >= 0)
		if (index == above)
			return true;
	return false;
}

/* What a port redirects stops at a port above it without Upstream Forwarding. */
static bool forwards_for_others(const struct plan *p, int index)
{
	int i;

	if (!(p->then[index] & ACS_UF))
		return false;
	for (i = 0; i < p->t->nr; i++)
		if (p->then[i] & ACS_RR && is_above(p->t, index, i))
			return true;
	return false;
}

/**
 * plan_redir_line() - the plan as pci=disable_acs_redir=, if that can say it
 * @p: a plan that has been made
 * @present: the present command line of the kernel, or NULL
 *
 * It can if redirection goes off and all else stays.  Since Linux 6.11 the rest is as
 * the firmware has left it: then the plan has to hold without that, too.
 *
 * Return: "pci=disable_acs_redir=...", to be freed; or NULL.
 */
char *plan_redir_line(struct plan *p, const struct bootline *present)
{
	static const char start[] = "pci=disable_acs_redir=";
	char *line = NULL, *path;
	int i;

	for (i = 0; i < p->t->nr; i++)
		if (changes(p, i) && (p->then[i] & ACS_REDIRECTS ||
				      p->then[i] != (p->now[i] &
						     ~ACS_REDIRECTS)))
			return NULL;
	for (i = 0; i < p->t->nr && p->t->kernel >= KERNEL_CONFIG_ACS; i++)
		if (changes(p, i) && forwards_for_others(p, i))
			return NULL;
	if (p->t->kernel >= KERNEL_CONFIG_ACS && !plan_holds_bare(p))
		return NULL;
	for (i = 0; i < p->t->nr; i++) {
		if (!changes(p, i))
			continue;
		path = topology_path(p->t, i);
		append(&line, start, path);
		free(path);
	}
	if (line)
		append_present(p, present, PCI_DISABLE_REDIR, &line, start);
	return line;
}
