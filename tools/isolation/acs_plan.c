// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid acs plan: prints the plan, what it changes and what it costs.
 */
#include "isolation/acs_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "isolation/plan.h"
#include "isolation/plan_class.h"
#include "isolation/plan_ways.h"
#include "isolation/trust.h"
#include "pci/acs_list.h"
#include "pci/class.h"
#include "pci/defaults.h"
#include "pci/kernel.h"
#include "pci/machine.h"

/* Arguments ----------------------------------------------------------------- */

/* A plan made blindly would be worse than none. */
static void require_registers(const struct topology *t, int index)
{
	char address[ADDRESS_SIZE];
	int at;

	if (topology_lost(t, index))
		fail(STATUS_UNKNOWN, "the bridge above %s is not known: no plan without it",
		     topology_address(&t->functions[index], address));
	for (at = index; at >= 0; at = topology_above(t, at))
		if (!acs_readable(&t->functions[at]))
			fail(STATUS_UNKNOWN, "the registers of %s cannot be read: no plan without them",
			     topology_address(&t->functions[at], address));
}

static void add_list(struct session *session, struct pairs *pairs, char *list)
{
	int members[64], n = 0, i, j;
	char *word, *rest;

	for (word = strtok_r(list, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (n == 64)
			usage_error("too many devices in a list, from", word);
		members[n] = session_function(session, word);
		if (session->topology->functions[members[n]].bridge)
			usage_error("name devices behind bridges, not the bridge",
				    word);
		require_registers(session->topology, members[n]);
		for (i = 0; i < n; i++)
			if (members[i] == members[n])
				usage_error("twice in a list:", word);
		n++;
	}
	if (n < 2)
		fail(STATUS_USAGE, "--p2p and --isolate take two devices or more, with commas between them");
	for (i = 0; i < n; i++)
		for (j = i + 1; j < n; j++)
			plan_want(pairs, members[i], members[j]);
}

#define CLASSES_MAX 16

/* "gpu,nvme": devices of both, each with each. */
static void add_classes(struct session *session, struct plan *p, char *list)
{
	char *words[CLASSES_MAX], *word, *rest;
	int n = 0, i;

	for (word = strtok_r(list, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (n == CLASSES_MAX)
			usage_error("too many classes, from", word);
		if (!class_known(word))
			fail(STATUS_USAGE, "\"%s\" is no class: %s, or 2 or 4 hexadecimal digits",
			     word, class_words());
		words[n++] = word;
	}
	i = p->p2p.nr;
	if (!plan_want_class(p, words, n))
		fail(STATUS_FAILED, "no two such devices are below one switch");
	for (; i < p->p2p.nr; i++) {
		require_registers(session->topology, p->p2p.at[i].a);
		require_registers(session->topology, p->p2p.at[i].b);
	}
}

static bool is_for_kernel(const char *word)
{
	if (strcmp(word, "kernel") && strcmp(word, "vfio"))
		usage_error("--for takes kernel or vfio, not", word);
	return !strcmp(word, "kernel");
}

static void parse(struct session *session, struct plan *p, int argc,
		  char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		bool p2p = !strcmp(argv[i], "--p2p");

		if (p2p || !strcmp(argv[i], "--isolate")) {
			if (i + 1 == argc)
				usage_error("no devices after", argv[i]);
			add_list(session, p2p ? &p->p2p : &p->isolate,
				 argv[++i]);
		} else if (!strcmp(argv[i], "--p2p-class")) {
			if (i + 1 == argc)
				usage_error("no class after", argv[i]);
			add_classes(session, p, argv[++i]);
		} else if (!strcmp(argv[i], "--for")) {
			if (i + 1 == argc)
				usage_error("kernel or vfio belongs after",
					    argv[i]);
			p->kernel = is_for_kernel(argv[++i]);
		} else if (!strcmp(argv[i], "--translated")) {
			p->translated = true;
		} else if (!strcmp(argv[i], "--root-complex")) {
			p->root_complex = true;
		} else {
			usage_error("acs plan does not know", argv[i]);
		}
	}
	if (p->kernel && (p->translated || p->root_complex))
		fail(STATUS_USAGE, "--for kernel goes with neither --translated nor --root-complex: the kernel asks neither ATS nor, but for its list of host bridges, the root complex");
	if (!p->p2p.nr && !p->isolate.nr)
		fail(STATUS_USAGE, "acs plan takes --p2p A,B, --p2p-class CLASS or --isolate C,D; see ioasid acs help");
}

/* Text ---------------------------------------------------------------------- */

static void changes_text(const struct plan *p)
{
	char address[ADDRESS_SIZE], names[ACS_NAMES_SIZE];
	int i;

	puts("\nsettings that change");
	for (i = 0; i < p->t->nr; i++) {
		uint16_t on = p->then[i] & ~p->now[i];
		uint16_t off = p->now[i] & ~p->then[i];

		if (!on && !off)
			continue;
		printf("  %s %s:", topology_kind(&p->t->functions[i]),
		       topology_address(&p->t->functions[i], address));
		if (on)
			printf(" on: %s;", acs_names(on, names));
		if (off)
			printf(" off: %s;", acs_names(off, names));
		printf(" then on in all: %s\n", acs_names(p->then[i], names));
	}
}

/* The groups of one side that the other has not. */
static void groups_text(const struct plan *p, const struct groups *g,
			const bool *changes, const char *when)
{
	char address[ADDRESS_SIZE];
	int group, i;

	printf("  %s\n", when);
	for (group = 0; group < g->nr; group++) {
		int end = g->first[group + 1];

		for (i = g->first[group]; i < end; i++)
			if (changes[g->member[i]])
				break;
		if (i == end)
			continue;
		printf("   ");
		for (i = g->first[group]; i < end; i++)
			printf(" %s", topology_address(
			       &p->t->functions[g->member[i]], address));
		putchar('\n');
	}
}

static void group_changes_text(const struct plan *p)
{
	bool *changes = groups_differences(p->t, p->before, p->after);
	int i;

	for (i = 0; i < p->t->nr; i++)
		if (changes[i])
			break;
	if (i < p->t->nr) {
		puts("\ngroups that change");
		groups_text(p, p->before, changes, "before");
		groups_text(p, p->after, changes, "after");
	} else {
		puts("\nno group changes");
	}
	free(changes);
}

/* Of the two, which does the plan give, and what does it mean for the other? */
static void for_text(const struct plan *p)
{
	if (!p->p2p.nr)
		return;
	puts(p->kernel ?
	     "for the kernel's own drivers: by the rule of p2pdma (--for vfio: what the hardware does)" :
	     "for VFIO and /dev/iommu: what the hardware does (--for kernel: the rule of the kernel's own drivers)");
}

/**
 * struct lines - the plan as kernel parameters
 * @present: the command line that there is, or NULL
 * @config: pci=config_acs=, NULL if nothing has to be set
 * @redir: pci=disable_acs_redir=, if that can say it; or NULL
 */
struct lines {
	struct bootline *present;
	char *config;
	char *redir;
};

static void length_text(const struct lines *lines, const char *line)
{
	size_t length = strlen(line) + 1 +
			(lines->present ? lines->present->length : 0);

	if (length > BOOTLINE_MAX)
		printf("%sthe kernel takes a command line of %d characters at most: with this it has %zu%s\n",
		       paint(PAINT_NOTE), BOOTLINE_MAX, length,
		       paint(PAINT_OFF));
}

/* What can only switch redirection off is simpler, and older. */
static void lines_text(const struct plan *p, const struct lines *lines)
{
	char kernel[KERNEL_TEXT_SIZE];
	bool old = p->t->kernel < KERNEL_CONFIG_ACS;
	const char *line = old && lines->redir ? lines->redir : lines->config;

	printf("%s%s%s\n", paint(PAINT_HEAD), line, paint(PAINT_OFF));
	if (line == lines->config && old)
		printf("%sLinux %s has no config_acs=, which came with 6.11, and disable_acs_redir= cannot say this%s\n",
		       paint(PAINT_BAD), kernel_text(p->t->kernel, kernel),
		       paint(PAINT_OFF));
	else if (lines->redir && !old)
		printf("or, as only redirection goes off, the simpler one, which kernels before 6.11 have, too:\n%s%s%s\n  (since 6.11, it has SV and UF of these ports as the firmware has left them)\n",
		       paint(PAINT_HEAD), lines->redir, paint(PAINT_OFF));
	length_text(lines, line);
}

static enum status plan_text(struct plan *p, const struct lines *lines,
			     const struct pairs *opened)
{
	defaults_text(p->t);
	if (p->refusal) {
		printf("%scannot be done:%s %s.\n", paint(PAINT_BAD),
		       paint(PAINT_OFF), p->refusal);
		for_text(p);
		return STATUS_NO;
	}
	if (!lines->config) {
		puts("nothing needs to be changed.");
		for_text(p);
	} else {
		lines_text(p, lines);
		for_text(p);
		changes_text(p);
	}
	group_changes_text(p);
	ways_text(p);
	kernel_ways_text(p);
	plan_use(p, p->then);
	trust_text(p, opened);
	return STATUS_OK;
}

/* JSON ---------------------------------------------------------------------- */

static json_t *changes_json(const struct plan *p)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < p->t->nr; i++)
		if (p->now[i] != p->then[i])
			json_array_append_new(array, json_pack("{so so so}",
				"function", explain_address(p->t, i),
				"before", explain_bits(p->now[i]),
				"after", explain_bits(p->then[i])));
	return array;
}

static json_t *groups_json(const struct plan *p, const struct groups *g)
{
	json_t *array = xjson(json_array());
	int group, i;

	for (group = 0; group < g->nr; group++) {
		json_t *members = xjson(json_array());

		for (i = g->first[group]; i < g->first[group + 1]; i++)
			json_array_append_new(members,
					explain_address(p->t, g->member[i]));
		json_array_append_new(array, members);
	}
	return array;
}

static enum status plan_json(const struct session *session, struct plan *p,
			     const struct lines *lines,
			     const struct pairs *opened)
{
	json_t *ways, *kernel;

	if (p->refusal) {
		output_json(session_json(session, json_pack("{sb ss so so}",
				      "possible", 0, "for",
				      p->kernel ? "kernel" : "vfio",
				      "acs_settings", defaults_json(p->t),
				      "refusal", json_text(p->refusal))));
		return STATUS_NO;
	}
	ways = ways_json(p);
	kernel = kernel_ways_json(p);
	plan_use(p, p->then);
	output_json(session_json(session,
			json_pack("{sb ss so so so so s{so so} so so so}",
				  "possible", 1, "for",
				  p->kernel ? "kernel" : "vfio",
				  "acs_settings", defaults_json(p->t),
				  "line", json_text(lines->config),
				  "disable_acs_redir", json_text(lines->redir),
				  "changes", changes_json(p), "groups",
				  "before", groups_json(p, p->before),
				  "after", groups_json(p, p->after),
				  "ways", ways, "kernel", kernel, "opened",
				  trust_json(p, opened))));
	return STATUS_OK;
}

/* A plan starts from the registers as they are, the next boot from Linux's own. */
static void warn_of_changes(const struct topology *t,
			    const struct bootline *present)
{
	int i, n = 0;

	for (i = 0; present && t->live && i < t->nr; i++)
		n += t->functions[i].group >= 0 &&
		     acs_list_drift(t, i, present);
	if (n)
		warn("%d functions have other ACS settings than Linux gives them at boot: the plan takes these for granted; see ioasid acs check",
		     n);
}

/**
 * acs_plan() - the settings that were asked for, and what they cost
 * @session: the machine
 * @argc: number of words
 * @argv: what is wanted
 *
 * Return: exit status.
 */
enum status acs_plan(struct session *session, int argc, char **argv)
{
	struct plan *p = plan_new(session_topology(session));
	struct lines lines = { };
	struct pairs opened = { };
	enum status status;
	char *cmdline;

	parse(session, p, argc, argv);
	if (plan_make(p)) {
		cmdline = session->topology->live ?
			  machine_read(session->source.root, "/proc/cmdline") :
			  NULL;
		if (cmdline)
			lines.present = bootline_parse(cmdline, p->t->kernel);
		free(cmdline);
		lines.config = plan_line(p, lines.present);
		lines.redir = plan_redir_line(p, lines.present);
		opened = plan_opened(p);
		warn_of_changes(session->topology, lines.present);
	}
	status = output.json ? plan_json(session, p, &lines, &opened) :
			       plan_text(p, &lines, &opened);
	free(opened.at);
	free(lines.config);
	free(lines.redir);
	bootline_free(lines.present);
	plan_free(p);
	return status;
}
