// SPDX-License-Identifier: GPL-2.0-only
#include "pci/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FILE_MAX (1 << 20)

static void __attribute__((format(printf, 3, 4)))
answer(struct fact *fact, enum answer what, const char *format, ...)
{
	va_list args;

	fact->answer = what;
	va_start(args, format);
	vsnprintf(fact->sign, sizeof(fact->sign), format, args);
	va_end(args);
}

/**
 * machine_read() - a small file
 * @root: directory instead of /
 * @path: the file, with its slash
 *
 * Return: what is in it without white space at the end, to be freed; NULL if
 * it cannot be read.
 */
char *machine_read(const char *root, const char *path)
{
	char *name = xasprintf("%s%s", root, path), *text = NULL;
	FILE *file = fopen(name, "r");
	size_t used = 0, got;

	free(name);
	if (!file)
		return NULL;
	do {
		text = xrealloc(text, used + 4097, 1);
		got = fread(text + used, 1, 4096, file);
		used += got;
	} while (got && used < FILE_MAX);
	fclose(file);
	while (used && isspace((unsigned char)text[used - 1]))
		used--;
	text[used] = '\0';
	return text;
}

/**
 * machine_has() - is there such a file?
 * @root: directory instead of /
 * @path: the file, with its slash
 *
 * Return: whether.
 */
bool machine_has(const char *root, const char *path)
{
	char *name = xasprintf("%s%s", root, path);
	bool there = !access(name, F_OK);

	free(name);
	return there;
}

/* Virtual or not ----------------------------------------------------------- */

/* Vendors of whole machines that are programs. */
static const char *const dmi_signs[] = {
	"QEMU", "KVM", "VMware", "VirtualBox", "innotek", "Xen", "Bochs",
	"Parallels", "BHYVE", "Amazon EC2", "Google Compute Engine",
	"OpenStack", "Virtual Machine", "Cloud Hypervisor",
};

static const struct {
	uint16_t vendor;
	const char *name;
} pci_signs[] = {
	{ 0x1af4, "virtio" }, { 0x1b36, "QEMU's" }, { 0x1234, "QEMU's" },
	{ 0x15ad, "VMware's" }, { 0x5853, "Xen's" }, { 0x80ee, "VirtualBox's" },
	{ 0x1414, "Hyper-V's" },
};

static bool by_cpu(struct fact *fact, const char *root)
{
	char *text = machine_read(root, "/proc/cpuinfo");
	char *flags = text ? strstr(text, "\nflags") : NULL;
	char *end = flags ? strchr(flags + 1, '\n') : NULL;
	bool found;

	if (end)
		*end = '\0';
	found = flags && strstr(flags, " hypervisor");
	free(text);
	if (found)
		answer(fact, ANSWER_YES, "the CPU reports a hypervisor");
	return found;
}

static bool by_dmi(struct fact *fact, const char *root)
{
	static const char *const files[] = {
		"sys_vendor", "product_name", "board_vendor", "bios_vendor",
	};
	bool found = false;
	size_t i, j;

	for (i = 0; i < COUNT(files) && !found; i++) {
		char *path = xasprintf("/sys/class/dmi/id/%s", files[i]);
		char *text = machine_read(root, path);

		for (j = 0; text && j < COUNT(dmi_signs) && !found; j++) {
			found = strstr(text, dmi_signs[j]);
			if (found)
				answer(fact, ANSWER_YES,
				       "the firmware's %s is \"%.60s\"",
				       files[i], text);
		}
		free(text);
		free(path);
	}
	return found;
}

/* Caching mode: an IOMMU that wants to be told of each new entry is emulated. */
static bool by_iommu(struct fact *fact, const char *root)
{
	char *text = machine_read(root,
				  "/sys/class/iommu/dmar0/intel-iommu/cap");
	bool found = text && strtoull(text, NULL, 16) & 0x80;

	free(text);
	if (found)
		answer(fact, ANSWER_YES, "the VT-d unit is in caching mode");
	return found;
}

static bool by_xen(struct fact *fact, const char *root)
{
	char *type = machine_read(root, "/sys/hypervisor/type");

	if (type)
		answer(fact, ANSWER_YES, "there is a hypervisor \"%.20s\"",
		       type);
	free(type);
	return type;
}

static bool by_devices(struct fact *fact, const struct topology *t)
{
	char address[ADDRESS_SIZE];
	size_t i;
	int j;

	for (j = 0; j < t->nr; j++) {
		for (i = 0; i < COUNT(pci_signs); i++) {
			if (t->functions[j].vendor != pci_signs[i].vendor)
				continue;
			answer(fact, ANSWER_YES, "%s is %s",
			       topology_address(&t->functions[j], address),
			       pci_signs[i].name);
			return true;
		}
	}
	return false;
}

static void look_virtual(struct machine *m, const struct topology *t,
			 const char *root)
{
	if (m->known &&
	    (by_cpu(&m->is_virtual, root) || by_xen(&m->is_virtual, root) ||
	     by_iommu(&m->is_virtual, root) || by_dmi(&m->is_virtual, root)))
		return;
	if (by_devices(&m->is_virtual, t))
		return;
	if (m->known)
		answer(&m->is_virtual, ANSWER_NO,
		       "CPU, firmware, IOMMU and devices show no sign of a hypervisor");
	else
		answer(&m->is_virtual, ANSWER_UNKNOWN,
		       "no device is a hypervisor's; a dump shows no more");
}

/* IOMMUs -------------------------------------------------------------------- */

static void look_iommu(struct machine *m, const char *root)
{
	char *path = xasprintf("%s/sys/class/iommu", root);
	char *cmdline = machine_read(root, "/proc/cmdline");
	DIR *dir = opendir(path);
	struct dirent *entry;
	char first[64] = "";
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (!n++ || strcmp(entry->d_name, first) < 0)
			snprintf(first, sizeof(first), "%.60s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	free(path);
	if (n)
		answer(&m->iommu, ANSWER_YES, "%s%s in /sys/class/iommu",
		       first, n > 1 ? " and others" : "");
	else if (cmdline && (strstr(cmdline, "intel_iommu=off") ||
			     strstr(cmdline, "amd_iommu=off") ||
			     strstr(cmdline, "iommu=off")))
		answer(&m->iommu, ANSWER_NO,
		       "it is switched off on the kernel command line");
	else if (machine_has(root, "/sys/firmware/acpi/tables/DMAR"))
		answer(&m->iommu, ANSWER_NO,
		       "the firmware describes VT-d, the kernel does not use it: intel_iommu=on");
	else if (machine_has(root, "/sys/firmware/acpi/tables/IVRS"))
		answer(&m->iommu, ANSWER_NO,
		       "the firmware describes AMD-Vi, the kernel does not use it");
	else
		answer(&m->iommu, ANSWER_NO,
		       "the firmware describes none: not there, or off in its setup");
	free(cmdline);
}

/* The kernel names interrupts after what they go through: IR- is remapped. */
static void look_remapping(struct machine *m, const char *root)
{
	char *text = machine_read(root, "/proc/interrupts");

	if (text && (strstr(text, " IR-PCI-MSI") || strstr(text, " IR-IO-APIC")))
		answer(&m->remapping, ANSWER_YES,
		       "/proc/interrupts has interrupts that go through it (IR-)");
	else if (text && (strstr(text, " PCI-MSI") || strstr(text, "IO-APIC")))
		answer(&m->remapping, ANSWER_NO,
		       "/proc/interrupts has interrupts, none of which goes through it (IR-)");
	else
		answer(&m->remapping, ANSWER_UNKNOWN,
		       "/proc/interrupts has no sign");
	free(text);
}

/**
 * machine_look() - gather the facts
 * @t: the PCI devices
 * @root: directory instead of /
 *
 * Return: the facts.
 */
struct machine *machine_look(const struct topology *t, const char *root)
{
	struct machine *m = xcalloc(1, sizeof(*m));

	m->known = t->live;
	look_virtual(m, t, root);
	if (m->known) {
		look_iommu(m, root);
		look_remapping(m, root);
	} else {
		answer(&m->iommu, ANSWER_UNKNOWN, "a dump does not show it");
		answer(&m->remapping, ANSWER_UNKNOWN,
		       "a dump does not show it");
	}
	return m;
}

/**
 * machine_free() - the end of it
 * @m: the facts
 */
void machine_free(struct machine *m)
{
	free(m);
}

/**
 * machine_text() - print the facts
 * @m: the facts
 */
void machine_text(const struct machine *m)
{
	static const char *const words[][3] = {
		{ "unknown", "bare metal", "virtual" },
		{ "unknown", "not in use", "in use" },
	};

	printf("machine: %s (%s)\n", words[0][m->is_virtual.answer],
	       m->is_virtual.sign);
	printf("IOMMU: %s (%s)\n", words[1][m->iommu.answer], m->iommu.sign);
	printf("interrupt remapping: %s (%s)\n",
	       words[1][m->remapping.answer], m->remapping.sign);
}

static json_t *fact_json(const struct fact *fact)
{
	json_t *yes = fact->answer == ANSWER_UNKNOWN ? json_null() :
		      json_boolean(fact->answer == ANSWER_YES);

	return json_pack("{so so}", "value", yes, "sign",
			 json_text(fact->sign));
}

/**
 * machine_json() - the facts as JSON
 * @m: the facts
 *
 * Return: an object.
 */
json_t *machine_json(const struct machine *m)
{
	return xjson(json_pack("{so so so}",
			       "virtual", fact_json(&m->is_virtual),
			       "iommu", fact_json(&m->iommu),
			       "interrupt_remapping",
			       fact_json(&m->remapping)));
}
