// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid why: what keeps a device from being given to a user of /dev/iommu.  It
 * checks everything that binding takes, in the order in which one would set it up,
 * and says what to do about each obstacle.  The module need not be loaded; if it is,
 * it has the last word, since it knows what holds a device that no process has open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "isolation/explain.h"
#include "isolation/finding.h"
#include "isolation/objects.h"
#include "isolation/owner.h"
#include "isolation/unbind.h"
#include "module/live.h"
#include "pci/group.h"
#include "pci/holder.h"
#include "pci/machine.h"
#include "pci/memlock.h"
#include "pci/path.h"

static char *read_of_device(struct check *c, int index, const char *name)
{
	char address[ADDRESS_SIZE], *path, *text;

	topology_address(&c->t->functions[index], address);
	path = xasprintf("/sys/bus/pci/devices/%s/%s", address, name);
	text = machine_read(c->root, path);
	free(path);
	return text;
}

static bool is_set(const char *root, const char *path)
{
	char *text = machine_read(root, path);
	bool set = text && (*text == 'Y' || *text == '1');

	free(text);
	return set;
}

/* The platform -------------------------------------------------------------- */

static void check_iommu(struct check *c)
{
	const struct fact *iommu = &c->machine->iommu;

	if (c->group >= 0)
		find(c, FINE, "iommu", "it is behind an IOMMU, in group %d",
		     c->group);
	else if (iommu->answer == ANSWER_YES)
		find(c, OBSTACLE, "iommu",
		     "there is an IOMMU (%s), but this device is not behind it",
		     iommu->sign);
	else
		find(c, OBSTACLE, "iommu", "no IOMMU is in use: %s",
		     iommu->sign);
}

static void check_interrupts(struct check *c)
{
	const struct fact *ir = &c->machine->remapping;
	bool unsafe = is_set(c->root,
			"/sys/module/iommufd/parameters/allow_unsafe_interrupts");

	if (ir->answer == ANSWER_YES)
		find(c, FINE, "interrupts", "interrupts are remapped: %s",
		     ir->sign);
	else if (unsafe)
		find(c, NOTE, "interrupts",
		     "interrupts are not isolated, which iommufd.allow_unsafe_interrupts permits: who has the device may raise any interrupt");
	else if (ir->answer == ANSWER_NO)
		find(c, OBSTACLE, "interrupts",
		     "interrupts are not isolated: %s. Switch interrupt remapping on (firmware, no intremap=off), or load iommufd with allow_unsafe_interrupts=1 if whoever has the device may own the machine",
		     ir->sign);
	else
		find(c, NOTE, "interrupts",
		     "whether interrupts are remapped cannot be seen: %s",
		     ir->sign);
}

/* Firmware that uses a device asks for memory to be mapped 1:1 always. */
static void check_regions(struct check *c)
{
	char *path, *text, *line, *rest;

	if (c->group < 0)
		return;
	path = xasprintf("/sys/kernel/iommu_groups/%d/reserved_regions",
			 c->group);
	text = machine_read(c->root, path);
	free(path);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		size_t length = strlen(line);

		if (length > 7 && !strcmp(line + length - 7, " direct"))
			find(c, OBSTACLE, "reserved",
			     "the firmware wants memory at %.*s to stay mapped for it (RMRR or unity mapping): the kernel gives such a device to nobody",
			     (int)(length - 7), line);
	}
	free(text);
}

/* Drivers ------------------------------------------------------------------- */

static bool has_vfio(const char *driver)
{
	return strstr(driver, "vfio");
}

/* Drivers that promise not to do DMA for the kernel. */
static bool does_no_dma(const char *driver)
{
	return has_vfio(driver) || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub");
}

static void check_kind(struct check *c)
{
	const struct function *f = &c->t->functions[c->index];
	char *enabled;

	if (f->bridge)
		find(c, OBSTACLE, "kind",
		     "it is a %s: devices behind it can be given away, it cannot",
		     topology_kind(f));
	enabled = read_of_device(c, c->index, "power_state");
	if (enabled && !strcmp(enabled, "error"))
		find(c, OBSTACLE, "power", "it does not answer: powered off, or gone");
	free(enabled);
}

static void check_driver(struct check *c)
{
	const char *driver = c->t->functions[c->index].driver;

	if (unbind_find(c))
		return;
	if (!driver)
		find(c, OBSTACLE, "driver",
		     "no driver is bound to it. To give it to vfio-pci: echo vfio-pci >/sys/bus/pci/devices/%s/driver_override; echo %s >/sys/bus/pci/drivers_probe",
		     c->address, c->address);
	else if (!has_vfio(driver))
		find(c, OBSTACLE, "driver",
		     "its driver is %s, not vfio-pci: the kernel uses it. To take it away: echo %s >/sys/bus/pci/devices/%s/driver/unbind",
		     driver, c->address, c->address);
	else
		find(c, FINE, "driver", "its driver is %s", driver);
}

/* Others of the group may belong to nobody, or to the same user. */
static void check_group(struct check *c)
{
	struct groups *model;
	int i, others = 0, in_the_way = 0;

	if (c->group < 0)
		return;
	model = groups_predict(c->t);
	for (i = 0; i < c->t->nr; i++) {
		const struct function *f = &c->t->functions[i];
		char address[ADDRESS_SIZE], *reason;

		if (i == c->index || f->group != c->group)
			continue;
		others++;
		if (!f->driver || does_no_dma(f->driver))
			continue;
		in_the_way++;
		reason = explain_group(c->t, model, i);
		if (!reason)
			reason = explain_group(c->t, model, c->index);
		find(c, OBSTACLE, "group",
		     "%s %s is in its group and in use by the kernel's driver %s%s%s",
		     topology_kind(f), topology_address(f, address), f->driver,
		     reason ? ": " : "", reason ? reason : "");
		free(reason);
	}
	groups_free(model);
	if (!in_the_way)
		find(c, FINE, "group", others ?
		     "%d others are in its group, none in use by the kernel" :
		     "it is alone in its group", others);
}

/* VFIO and the module -------------------------------------------------------- */

static char *cdev_of(const struct check *c, int index)
{
	return holds_node(&c->t->functions[index], c->root);
}

static void check_access(struct check *c, const char *node)
{
	char *path = xasprintf("%s%s", c->root, node);

	if (access(path, F_OK))
		find(c, OBSTACLE, "node", "%s is not there", node);
	else if (access(path, R_OK | W_OK))
		find(c, OBSTACLE, "permission",
		     "you may not open %s: see its owner and mode", node);
	else
		find(c, FINE, "permission", "you may open %s", node);
	free(path);
}

/*
 * The kernel's own VFIO does not know /dev/iommu, and while it is there, ours cannot be
 * loaded: ours needs the module iommufd.
 */
static bool has_other_vfio(const struct check *c)
{
	return machine_has(c->root, "/sys/module/vfio") &&
	       !machine_has(c->root, "/sys/module/iommufd/holders/vfio");
}

static void tell_other_vfio(struct check *c)
{
	if (machine_has(c->root, "/sys/module/vfio/initstate"))
		find(c, OBSTACLE, "vfio",
		     "VFIO is loaded, but the kernel's own, which does not know /dev/iommu: end what uses it (guests, DPDK), then modprobe -r vfio_pci vfio_iommu_type1 vfio, and modprobe vfio-pci loads the one that is installed with iommufd. If it comes back at the next boot, it is in the initramfs: update-initramfs -u");
	else
		find(c, OBSTACLE, "vfio",
		     "VFIO is built into this kernel, without /dev/iommu, and cannot be replaced by a module: boot one that has it as a module");
}

static void check_modules(struct check *c)
{
	const char *driver = c->t->functions[c->index].driver;
	char *cdev = cdev_of(c, c->index);
	bool other = has_other_vfio(c);

	if (other)
		tell_other_vfio(c);
	else if (!machine_has(c->root, "/sys/module/iommufd"))
		find(c, OBSTACLE, "module",
		     "the module iommufd is not loaded: systemctl status iommufd says why");
	else
		check_access(c, "/dev/iommu");
	if (cdev && !other)
		check_access(c, cdev);
	else if (!other && driver && has_vfio(driver))
		find(c, OBSTACLE, "vfio",
		     "VFIO has no device node for it: that is the kernel's own VFIO, which was built without; unload it (modprobe -r vfio-pci vfio_iommu_type1 vfio) and load the one installed with iommufd");
	free(cdev);
}

/* Locked memory ------------------------------------------------------------- */

/**
 * struct payer - whose memory the device is to reach
 * @pid: the process; 0 for the one that asks
 * @name: for the sentence, with its verb
 */
struct payer {
	int pid;
	char name[COMM_SIZE + 64];
};

/* Who has the device, says the module or /proc; without one, who asks. */
static void find_payer(const struct check *c, struct payer *payer)
{
	const char *comm = NULL;
	int pid = owner_payer(c, &comm);

	payer->pid = pid;
	if (pid)
		snprintf(payer->name, sizeof(payer->name), "process %d (%s)", pid,
			 comm);
	else
		snprintf(payer->name, sizeof(payer->name), "what you start here");
}

static void tell_limit(struct check *c, const struct payer *payer,
		       const struct memlock *memlock)
{
	char *limit = bytes_text(memlock->limit);
	char *all = bytes_text(memlock->by_user);
	char *own = bytes_text(memlock->pinned);
	bool full = memlock->surely >= memlock->limit;
	char *used, *who;

	if (payer->pid) {
		who = xasprintf("%d", payer->pid);
		used = xasprintf(", and has %s pinned; what counts are the %s of all processes of user %u (in a legacy container, its own)",
				 own, all, memlock->uid);
	} else {
		who = xasprintf("$$");
		used = xasprintf("; what counts are the %s that all processes of user %u have pinned",
				 all, memlock->uid);
	}
	find(c, full ? OBSTACLE : NOTE, "memlock",
	     "%s may lock %s of memory (RLIMIT_MEMLOCK)%s.%s What the device can reach is pinned, of a guest all of its RAM. To raise the limit, as root: prlimit --memlock=unlimited --pid %s. For good: LimitMEMLOCK= in the systemd unit, or memlock in /etc/security/limits.d",
	     payer->name, limit, used,
	     full ? " No more can be pinned." : "", who);
	free(used);
	free(who);
	free(own);
	free(all);
	free(limit);
}

static void check_memlock(struct check *c)
{
	struct memlock memlock = { };
	struct payer payer;

	find_payer(c, &payer);
	if (!memlock_of(&memlock, c->root, payer.pid))
		return;
	if (memlock.exempt)
		find(c, FINE, "memlock",
		     "%s may lock any amount of memory: CAP_IPC_LOCK",
		     payer.name);
	else if (memlock.unlimited)
		find(c, FINE, "memlock",
		     "%s may lock any amount of memory: RLIMIT_MEMLOCK is unlimited",
		     payer.name);
	else
		tell_limit(c, &payer, &memlock);
}

static void check_reach(struct check *c)
{
	char address[ADDRESS_SIZE];
	int i, n = 0, first = -1;
	bool unknown = false;

	for (i = 0; i < c->t->nr; i++) {
		const struct function *f = &c->t->functions[i];

		if (i == c->index || f->bridge ||
		    c->t->functions[c->index].bridge ||
		    (f->group >= 0 && f->group == c->group))
			continue;
		unknown = unknown || path_unknown(c->t, i, c->index);
		if (!path_reaches(c->t, i, c->index))
			continue;
		if (!n++)
			first = i;
	}
	if (n)
		find(c, NOTE, "isolation",
		     "%s%s of other groups can write to it past the IOMMU: see ioasid isolation show %s",
		     topology_address(&c->t->functions[first], address),
		     n > 1 ? " and more" : "", c->address);
	else if (unknown)
		find(c, NOTE, "isolation",
		     "whether others can write to it past the IOMMU is not known: registers of ports could not be read");
}

static enum status conclude(struct check *c)
{
	json_t *is_free = c->obstacles ? json_false() :
			  c->unknown ? json_null() : json_true();

	if (output.json)
		output_json(json_pack("{ss so so}", "device", c->address,
				      "free", is_free, "findings",
				      json_incref(c->findings)));
	else if (c->obstacles)
		printf("%s: %s%d in the way%s\n", c->address,
		       paint(PAINT_BAD), c->obstacles, paint(PAINT_OFF));
	else if (c->unknown)
		printf("%s: %snothing that can be seen is in the way, %d unknown%s\n",
		       c->address, paint(PAINT_NOTE), c->unknown,
		       paint(PAINT_OFF));
	else
		printf("%s: %snothing is in the way%s\n", c->address,
		       paint(PAINT_GOOD), paint(PAINT_OFF));
	return c->obstacles ? STATUS_NO : c->unknown ? STATUS_UNKNOWN : STATUS_OK;
}

static enum status why(struct session *session, int argc, char **argv)
{
	struct check c = { .root = session->source.root };
	enum status status;

	if (argc != 1)
		fail(STATUS_USAGE, "why takes a device; see ioasid why help");
	if (session->source.dump)
		fail(STATUS_USAGE, "why looks at the running system: a dump does not show drivers and owners");
	c.t = session_topology(session);
	c.index = session_function(session, argv[0]);
	topology_address(&c.t->functions[c.index], c.address);
	c.group = c.t->functions[c.index].group;
	c.machine = machine_look(c.t, c.root);
	/* The module tells of the running system only */
	c.owners = *c.root ? NULL : live_owners();
	c.holds = holds_look(c.root);
	c.findings = xjson(json_array());
	if (!output.json)
		printf("%s%s%s %s, %s\n", paint(PAINT_HEAD), c.address,
		       paint(PAINT_OFF),
		       topology_kind(&c.t->functions[c.index]),
		       c.t->functions[c.index].name);
	check_kind(&c);
	check_iommu(&c);
	check_interrupts(&c);
	check_regions(&c);
	check_driver(&c);
	check_group(&c);
	check_modules(&c);
	owner_find(&c);
	check_memlock(&c);
	check_reach(&c);
	status = conclude(&c);
	json_decref(c.findings);
	json_decref(c.owners);
	holds_free(c.holds);
	machine_free(c.machine);
	return status;
}

static const struct command commands[] = {
	{ "", "DEVICE",
	  "what is in the way of binding and attaching it; exit status 0 if nothing is",
	  why },
	{ }
};

const struct object why_object = {
	"why", "why a device cannot be bound or attached", commands,
};
