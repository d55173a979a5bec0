// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid acs check: what the command line says about ACS, whether the kernel reads it so,
 * and whether the groups that the kernel has formed still hold.
 */
#include "isolation/acs_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/check_groups.h"
#include "isolation/check_line.h"
#include "isolation/explain.h"
#include "pci/acs_list.h"
#include "pci/kernel.h"
#include "pci/machine.h"

#define OVERRIDE "pcie_acs_override="

/* The words of --cmdline are the line, or a file that it is in. */
static char *given_line(const char *words)
{
	return machine_has("", words) ? machine_read("", words) :
					xasprintf("%s", words);
}

static char *find_line(struct session *session, int argc, char **argv,
		       bool *running)
{
	char *text;

	*running = !argc;
	if (argc) {
		if (strcmp(argv[0], "--cmdline"))
			usage_error("acs check does not know", argv[0]);
		if (argc != 2)
			fail(STATUS_USAGE, "--cmdline takes one word, the command line or a file with it: put it in quotes");
		text = given_line(argv[1]);
		if (!text)
			fail(STATUS_FAILED, "cannot read %s", argv[1]);
		return text;
	}
	if (session->source.dump)
		fail(STATUS_USAGE, "a dump does not have the kernel's command line: give it with --cmdline");
	text = machine_read(session->source.root, "/proc/cmdline");
	if (!text)
		fail(STATUS_FAILED, "cannot read %s/proc/cmdline",
		     session->source.root);
	return text;
}

/*
 * A kernel with this patch takes devices for isolated that are not.  Of a kernel that
 * runs, its groups tell whether it has the patch.
 */
static void check_override(const struct bootline *line, bool running,
			   struct remarks *f)
{
	if (!check_has_override(line))
		return;
	if (running)
		remark(f, REMARK_WRONG, "override", OVERRIDE,
			"only kernels with a patch that Linux has not taken know it, and groups that they form are not isolated; whether this one does, the groups tell");
	else
		remark(f, REMARK_DANGER, "override", OVERRIDE,
			"a kernel with the ACS override patch, as Proxmox and Unraid have it, forms groups with it that are not isolated: their devices can reach each other past the IOMMU. Others ignore it");
}

/* GRUB ends a command at a semicolon: only the first entry has arrived. */
static void check_grub(const struct bootline *line, const char *root,
		       struct remarks *f)
{
	char *grub = machine_read(root, "/etc/default/grub");
	enum pci_option kind;

	for (kind = PCI_CONFIG_ACS; grub && kind <= PCI_DISABLE_REDIR; kind++) {
		const char *list = bootline_list(line, kind), *at;
		size_t length = list ? strlen(list) : 0;

		at = length ? strstr(grub, list) : NULL;
		if (at && at[length] == ';' && at[length + 1] &&
		    !strchr(" \t\n\"'", at[length + 1]))
			remark(f, REMARK_WRONG, "grub", "/etc/default/grub",
				"has more entries than the kernel got: to GRUB a semicolon ends the command, so that the parameter needs quotes inside the quotes");
	}
	free(grub);
}

static json_t *devices_json(const struct topology *t,
			    const struct bootline *line)
{
	json_t *array = xjson(json_array());
	int i;

	for (i = 0; i < t->nr; i++) {
		struct acs_state state = acs_list_outcome(t, i, line, true);

		if (state.named)
			json_array_append_new(array, json_pack("{so so so so}",
				"function", explain_address(t, i),
				"on", explain_bits(state.on),
				"firmware", explain_bits(state.unknown),
				"now", explain_bits(t->functions[i].acs.ctrl)));
	}
	return array;
}

/* The line may say itself which kernel it is for. */
static bool kernel_by_image(const struct bootline *line, unsigned int *kernel)
{
	const char *image = NULL;
	int i;

	for (i = 0; i < line->nr; i++)
		if (!strcmp(line->params[i].name, "BOOT_IMAGE") &&
		    line->params[i].value)
			image = strstr(line->params[i].value, "vmlinuz-");
	if (!image || !kernel_version(image + strlen("vmlinuz-")))
		return false;
	*kernel = kernel_version(image + strlen("vmlinuz-"));
	return true;
}

static void print_verdict(const struct remarks *f)
{
	int wrong = f->count[REMARK_WRONG], danger = f->count[REMARK_DANGER];

	if (wrong || danger)
		printf("%s%d wrong, %d dangerous%s\n", paint(PAINT_BAD), wrong,
		       danger, paint(PAINT_OFF));
	else if (f->count[REMARK_UNKNOWN])
		printf("%snothing wrong as far as can be seen%s\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF));
	else
		printf("%snothing is wrong%s\n", paint(PAINT_GOOD),
		       paint(PAINT_OFF));
}

static enum status verdict(const struct remarks *f)
{
	if (f->count[REMARK_WRONG] || f->count[REMARK_DANGER])
		return STATUS_NO;
	return f->count[REMARK_UNKNOWN] ? STATUS_UNKNOWN : STATUS_OK;
}

/**
 * acs_check() - look at a command line, and at the groups that came of it
 * @session: the machine
 * @argc: number of words
 * @argv: the command line, if it is not that of the running kernel
 *
 * Return: exit status.
 */
enum status acs_check(struct session *session, int argc, char **argv)
{
	bool running;
	char *text = find_line(session, argc, argv, &running);
	const struct topology *t = session_topology(session);
	struct bootline *line = bootline_parse(text, t->kernel);
	char kernel[KERNEL_TEXT_SIZE];
	struct remarks f;

	if (!running && !session->source.kernel &&
	    kernel_by_image(line, &session->topology->kernel)) {
		bootline_free(line);
		line = bootline_parse(text, t->kernel);
	}
	remarks_open(&f);
	kernel_text(t->kernel, kernel);
	if (!output.json)
		printf("command line: %s\nkernel: Linux %s\n", line->text,
		       kernel);
	check_params(t, line, &f);
	check_lists(t, line, &f);
	check_override(line, running, &f);
	if (running) {
		check_grub(line, session->source.root, &f);
		check_groups(t, line, &f);
	}
	if (output.json)
		output_json(session_json(session,
				      json_pack("{so ss sb si si so so}",
				      "command_line", json_text(line->text),
				      "linux", kernel, "fine",
				      verdict(&f) == STATUS_OK, "wrong",
				      f.count[REMARK_WRONG], "dangerous",
				      f.count[REMARK_DANGER], "findings",
				      json_incref(f.list), "devices",
				      devices_json(t, line))));
	else
		print_verdict(&f);
	json_decref(f.list);
	bootline_free(line);
	free(text);
	return verdict(&f);
}
