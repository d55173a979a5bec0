/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's own rule for peer-to-peer (drivers/pci/p2pdma.c): whether its drivers may
 * have one device do DMA to another, and by which way.  It is stricter than the
 * hardware below a switch, and goes by a list of host bridges elsewhere.
 */
#ifndef IOASID_P2PDMA_H
#define IOASID_P2PDMA_H

#include <stdbool.h>

struct topology;

/**
 * enum p2pdma_map - what the kernel does for two devices
 * @P2PDMA_DIRECT: it uses addresses of the bus: nothing on the way redirects
 * @P2PDMA_HOST_BRIDGE: it goes through the host bridge, which it trusts to forward
 * @P2PDMA_UNKNOWN: that depends on what cannot be seen
 * @P2PDMA_REFUSED: it does none
 */
enum p2pdma_map {
	P2PDMA_DIRECT,
	P2PDMA_HOST_BRIDGE,
	P2PDMA_UNKNOWN,
	P2PDMA_REFUSED,
};

/**
 * enum p2pdma_host - does the root complex forward, as far as the kernel knows?
 * @HOST_BY_CPU: yes, with this processor
 * @HOST_LISTED: yes, says its list of host bridges
 * @HOST_NOT_ACROSS: the list says yes only below one and the same host bridge
 * @HOST_NEWER: lists of newer kernels say yes
 * @HOST_ANONYMOUS: its root bus has nothing that the list could name
 * @HOST_UNLISTED: it is not on the list
 * @HOST_CPU_UNKNOWN: it is not, and which processor this is cannot be seen
 */
enum p2pdma_host {
	HOST_BY_CPU,
	HOST_LISTED,
	HOST_NOT_ACROSS,
	HOST_NEWER,
	HOST_ANONYMOUS,
	HOST_UNLISTED,
	HOST_CPU_UNKNOWN,
};

/**
 * struct p2pdma - the kernel's verdict on two devices
 * @map: the verdict
 * @common: the bridge that both are behind, -1 if they meet in the root complex
 * @redirecting: a function below that which redirects, -1 for none
 * @redirecting_nr: how many there are
 * @blind: a function that hides what decides: its registers could not be read, or
 *	what is above it is not known; -1 for none
 * @host: what it thinks of the root complex
 * @bridge: the function by which it knows the host bridge, -1 for none
 */
struct p2pdma {
	enum p2pdma_map map;
	int common;
	int redirecting;
	int redirecting_nr;
	int blind;
	enum p2pdma_host host;
	int bridge;
};

/**
 * enum p2pdma_cpu - is this a processor that forwards, whatever the host bridge?
 * @CPU_UNKNOWN: that cannot be seen
 * @CPU_NO: no
 * @CPU_YES: yes
 */
enum p2pdma_cpu {
	CPU_UNKNOWN,
	CPU_NO,
	CPU_YES,
};

struct p2pdma p2pdma_judge(const struct topology *t, int a, int b);
int p2pdma_way(const struct topology *t, int a, int b, int *way, int max);
enum p2pdma_cpu p2pdma_cpu(const struct topology *t, const char *root);
const char *p2pdma_name(enum p2pdma_map map);
const char *p2pdma_meaning(enum p2pdma_map map);
char *p2pdma_text(const struct topology *t, const struct p2pdma *verdict);
char *p2pdma_host_text(const struct topology *t, const struct p2pdma *verdict);

#endif
