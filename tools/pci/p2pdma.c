// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel goes up from both devices to the bridge that they share.  What it meets
 * below that, the devices themselves included, must have none of RR, CR and EC on: it
 * looks at the control register alone, not at what the function can control, and not
 * at where the ways really turn.  If something redirects, or they share no bridge, the
 * root complex has to forward: it believes that of AMD's processors since Zen, and of
 * the host bridges of its list.
 */
#include "pci/p2pdma.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "pci/acs.h"
#include "pci/kernel.h"
#include "pci/machine.h"
#include "pci/topology.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define VENDOR_INTEL 0x8086
#define VENDOR_AMD 0x1022
#define CLASS_HOST_BRIDGE 0x0600

#define FAMILY_ZEN 0x17

/**
 * struct host_bridge - one that the kernel trusts to forward between its ports
 * @vendor: vendor ID of the first function on its root bus
 * @first: device IDs, the first
 * @last: and the last
 * @alone: but not to another host bridge
 * @newer: kernel 6.12 does not have it, 7.3 does
 *
 * selftests/tools/kernel-p2pdma compares the table with the kernel's.
 */
static const struct host_bridge {
	uint16_t vendor, first, last;
	bool alone, newer;
} host_bridges[] = {
	{ 0x8086, 0x3c00, 0x3c01, true, false },	/* Sandy Bridge-E */
	{ 0x8086, 0x2f00, 0x2f01, true, false },	/* Haswell-E */
	{ 0x8086, 0x2020, 0x2020, false, false },	/* Skylake-E */
	{ 0x8086, 0x2030, 0x2033, false, false },
	{ 0x8086, 0x09a2, 0x09a2, false, false },	/* Ice Lake-E and later */
	{ 0x8086, 0x0b25, 0x0b25, false, true },	/* DSA, IAA */
	{ 0x8086, 0x0cfe, 0x0cfe, false, true },
	{ 0x8086, 0x11fb, 0x11fb, false, true },
	{ 0x8086, 0x1212, 0x1212, false, true },
	{ 0x8086, 0x1216, 0x1216, false, true },
	{ 0x8086, 0x4940, 0x4940, false, true },	/* QAT */
	{ 0x8086, 0x4942, 0x4942, false, true },
	{ 0x8086, 0x4944, 0x4944, false, true },
	{ 0x8086, 0x4946, 0x4946, false, true },
	{ 0x8086, 0x4948, 0x4948, false, true },
	{ 0x1ae0, 0x0000, 0xffff, false, true },	/* Google */
	{ 0x10de, 0x2f95, 0x2f98, false, true },	/* NVIDIA's processors */
};

/* Root complexes of AMD's processors since Zen, for dumps, which show no CPU. */
static const uint16_t zen_roots[] = {
	0x1450, 0x15d0, 0x1480, 0x1630, 0x14b5, 0x14a4, 0x14d8, 0x14e8, 0x153a,
	0x1507, 0x1122, 0x14bb, 0x14f8,
};

/* Of QEMU's machines, whose processor may be any. */
static const uint16_t virtual_hosts[] = { 0x1237, 0x29c0 };

#define VENDOR_QEMU 0x1b36

static bool among(const uint16_t *ids, size_t count, uint16_t id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The number after "@name : " in /proc/cpuinfo; of all CPUs, the first. */
static long cpu_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	at = at ? strchr(at, ':') : NULL;
	return at ? strtol(at + 1, NULL, 10) : -1;
}

static enum p2pdma_cpu running_cpu(const char *root)
{
	char *text = machine_read(root, "/proc/cpuinfo");
	enum p2pdma_cpu answer = CPU_UNKNOWN;

	if (text && strstr(text, "vendor_id"))
		answer = strstr(text, "AuthenticAMD") &&
			 cpu_number(text, "cpu family") >= FAMILY_ZEN ?
			 CPU_YES : CPU_NO;
	else if (text && strstr(text, "CPU implementer"))
		answer = CPU_NO;
	free(text);
	return answer;
}

/**
 * p2pdma_cpu() - is this a processor that forwards?
 * @t: the machine
 * @root: directory instead of /, NULL for a dump
 *
 * Return: the answer.
 */
enum p2pdma_cpu p2pdma_cpu(const struct topology *t, const char *root)
{
	enum p2pdma_cpu answer = CPU_UNKNOWN;
	int i;

	if (root)
		return running_cpu(root);
	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->class != CLASS_HOST_BRIDGE)
			continue;
		if (f->vendor == VENDOR_AMD &&
		    among(zen_roots, COUNT(zen_roots), f->device))
			return CPU_YES;
		if (f->vendor != VENDOR_AMD && f->vendor != VENDOR_QEMU &&
		    !(f->vendor == VENDOR_INTEL &&
		      among(virtual_hosts, COUNT(virtual_hosts), f->device)))
			answer = CPU_NO;
	}
	return answer;
}

static int root_bus(const struct topology *t, int index)
{
	int bus = t->functions[index].bus;

	while (t->buses[bus].parent >= 0)
		bus = t->buses[bus].parent;
	return bus;
}

/* The function that stands for a host bridge: the first one on its root bus. */
static int host_function(const struct topology *t, int bus)
{
	const struct function *f;
	int i, first = -1;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].bus == bus &&
		    (first < 0 || t->functions[i].devfn <
				  t->functions[first].devfn))
			first = i;
	if (first < 0)
		return -1;
	f = &t->functions[first];
	return !f->devfn || is_pcie(f, PORT_ROOT) ? first : -1;
}

static enum p2pdma_host look_up(const struct topology *t, int bridge,
				bool across)
{
	const struct function *f = &t->functions[bridge];
	size_t i;

	for (i = 0; i < COUNT(host_bridges); i++) {
		const struct host_bridge *h = &host_bridges[i];

		if (f->vendor != h->vendor || f->device < h->first ||
		    f->device > h->last)
			continue;
		if (h->newer && t->kernel < KERNEL(7, 3))
			return HOST_NEWER;
		return h->alone && across ? HOST_NOT_ACROSS : HOST_LISTED;
	}
	return HOST_UNLISTED;
}

/* Both host bridges have to be good; the worse one is the verdict. */
static void ask_host(const struct topology *t, int a, int b,
		     struct p2pdma *verdict)
{
	int buses[] = { root_bus(t, a), root_bus(t, b) }, i;

	verdict->host = HOST_BY_CPU;
	if (t->cpu == CPU_YES)
		return;
	for (i = 0; i < 2; i++) {
		int bridge = host_function(t, buses[i]);
		enum p2pdma_host host = bridge < 0 ? HOST_ANONYMOUS :
			look_up(t, bridge, buses[0] != buses[1]);

		if (i && host <= verdict->host)
			continue;
		verdict->host = host;
		verdict->bridge = bridge;
	}
	if (t->cpu == CPU_UNKNOWN && verdict->host > HOST_LISTED)
		verdict->host = HOST_CPU_UNKNOWN;
}

static bool redirects(const struct function *f)
{
	/* The kernel takes a register of 32 bits for one of 16, and sees none on */
	return f->acs.present && !f->acs.dwords &&
	       f->acs.ctrl & (ACS_RR | ACS_CR | ACS_EC);
}

static bool is_above(const struct topology *t, int above, int index)
{
	for (; index >= 0; index = topology_upstream(t, index))
		if (index == above)
			return true;
	return false;
}

/**
 * p2pdma_way() - the functions that the kernel looks at
 * @t: the machine
 * @a: a function
 * @b: another
 * @way: where to put them
 * @max: room in @way
 *
 * Return: how many; 0 if the two meet in the root complex only.
 */
int p2pdma_way(const struct topology *t, int a, int b, int *way, int max)
{
	int at, common, n = 0;

	for (common = a; common >= 0; common = topology_upstream(t, common))
		if (is_above(t, common, b))
			break;
	if (common < 0)
		return 0;
	for (at = a; at != common && n < max; at = topology_upstream(t, at))
		way[n++] = at;
	for (at = b; at != common && n < max; at = topology_upstream(t, at))
		way[n++] = at;
	return n;
}

/**
 * p2pdma_judge() - may drivers of the kernel have two devices talk?
 * @t: the machine
 * @a: a function
 * @b: another
 *
 * Return: the kernel's verdict.
 */
struct p2pdma p2pdma_judge(const struct topology *t, int a, int b)
{
	struct p2pdma verdict = {
		.common = -1, .redirecting = -1, .blind = -1, .bridge = -1,
	};
	int way[2 * 256], n, i;

	n = p2pdma_way(t, a, b, way, COUNT(way));
	if (n)
		for (verdict.common = a; !is_above(t, verdict.common, b);
		     verdict.common = topology_upstream(t, verdict.common))
			;
	for (i = 0; i < n; i++) {
		if (!acs_readable(&t->functions[way[i]]))
			verdict.blind = way[i];
		if (!redirects(&t->functions[way[i]]))
			continue;
		if (!verdict.redirecting_nr++)
			verdict.redirecting = way[i];
	}
	ask_host(t, a, b, &verdict);
	for (i = 0; i < 2 && !n; i++)
		if (topology_lost(t, i ? b : a))
			verdict.blind = i ? b : a;
	if (!n && verdict.blind >= 0)
		verdict.map = P2PDMA_UNKNOWN;
	else if (n && !verdict.redirecting_nr)
		verdict.map = verdict.blind < 0 ? P2PDMA_DIRECT :
						  P2PDMA_UNKNOWN;
	else if (verdict.host <= HOST_LISTED)
		verdict.map = P2PDMA_HOST_BRIDGE;
	else if (verdict.host == HOST_CPU_UNKNOWN)
		verdict.map = P2PDMA_UNKNOWN;
	else
		verdict.map = P2PDMA_REFUSED;
	return verdict;
}

/**
 * p2pdma_name() - a word for a verdict
 * @map: the verdict
 *
 * Return: the word.
 */
const char *p2pdma_name(enum p2pdma_map map)
{
	static const char *const names[] = {
		[P2PDMA_DIRECT] = "direct",
		[P2PDMA_HOST_BRIDGE] = "host-bridge",
		[P2PDMA_UNKNOWN] = "unknown",
		[P2PDMA_REFUSED] = "refused",
	};

	return names[map];
}

/**
 * p2pdma_meaning() - what a verdict means for drivers
 * @map: the verdict
 *
 * Return: a few words.
 */
const char *p2pdma_meaning(enum p2pdma_map map)
{
	static const char *const meanings[] = {
		[P2PDMA_DIRECT] = "by addresses of the bus",
		[P2PDMA_HOST_BRIDGE] = "through the IOMMU and the root complex",
		[P2PDMA_UNKNOWN] = "cannot be told",
		[P2PDMA_REFUSED] = "not at all",
	};

	return meanings[map];
}

/**
 * p2pdma_host_text() - does the root complex forward, as far as the kernel knows?
 * @t: the machine
 * @verdict: what p2pdma_judge() has said
 *
 * Return: a clause, to be freed.
 */
char *p2pdma_host_text(const struct topology *t, const struct p2pdma *verdict)
{
	const struct function *f = verdict->bridge < 0 ? NULL :
				   &t->functions[verdict->bridge];
	char at[ADDRESS_SIZE], *host, *text = NULL;

	host = f ? xasprintf("host bridge %s [%04x:%04x]",
			     topology_address(f, at), f->vendor, f->device) :
		   xasprintf("the host bridge");
	switch (verdict->host) {
	case HOST_BY_CPU:
		text = xasprintf("the processor is one of AMD's since Zen, which forward");
		break;
	case HOST_LISTED:
		text = xasprintf("%s is on the kernel's list of those that forward", host);
		break;
	case HOST_NOT_ACROSS:
		text = xasprintf("%s is on the kernel's list of those that forward, but not for ways to another host bridge",
				 host);
		break;
	case HOST_NEWER:
		text = xasprintf("%s is one of those that forward by the list of Linux 7.3, but not by that of 6.12",
				 host);
		break;
	case HOST_ANONYMOUS:
		text = xasprintf("a root bus begins neither with device 00.0 nor with a root port: there is nothing for the kernel's list to name");
		break;
	case HOST_UNLISTED:
		text = xasprintf("%s is not on the kernel's list of those that forward", host);
		break;
	case HOST_CPU_UNKNOWN:
		text = xasprintf("%s is not on the kernel's list of those that forward (nor need it be with an AMD processor since Zen, which cannot be seen here)",
				 host);
		break;
	}
	free(host);
	return text;
}

/**
 * p2pdma_text() - the reason for a verdict, as a clause
 * @t: the machine
 * @verdict: what p2pdma_judge() has said
 *
 * Return: the clause, to be freed.
 */
char *p2pdma_text(const struct topology *t, const struct p2pdma *verdict)
{
	char at[ADDRESS_SIZE], *host, *text;
	const struct function *f;

	if (verdict->map == P2PDMA_DIRECT)
		return xasprintf("nothing below %s %s redirects",
				 topology_kind(&t->functions[verdict->common]),
				 topology_address(&t->functions[verdict->common],
						  at));
	if (verdict->blind >= 0 && verdict->redirecting < 0)
		return xasprintf(topology_lost(t, verdict->blind) ?
				 "the bridge above %s is not known" :
				 "the registers of %s cannot be read",
				 topology_address(&t->functions[verdict->blind],
						  at));
	host = p2pdma_host_text(t, verdict);
	if (verdict->redirecting < 0) {
		text = xasprintf("they share no bridge, and %s", host);
		free(host);
		return text;
	}
	f = &t->functions[verdict->redirecting];
	text = xasprintf("%s %s%s redirect%s, and %s", topology_kind(f),
			 topology_address(f, at),
			 verdict->redirecting_nr > 1 ? " and others" : "",
			 verdict->redirecting_nr > 1 ? "" : "s", host);
	free(host);
	return text;
}
