/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peer-to-peer: which path a transaction takes from one function to another, and
 * what ACS does to it on the way.
 */
#ifndef IOASID_PATH_H
#define IOASID_PATH_H

#include <stdbool.h>

struct topology;

/**
 * enum traffic - kinds of transactions
 * @TRAFFIC_REQUEST: memory requests with untranslated addresses
 * @TRAFFIC_TRANSLATED: memory requests with addresses translated through ATS
 * @TRAFFIC_COMPLETION: what a read brings back; towards the reader
 */
enum traffic {
	TRAFFIC_REQUEST,
	TRAFFIC_TRANSLATED,
	TRAFFIC_COMPLETION,
	TRAFFIC_KINDS,
};

/**
 * enum route - how a transaction reaches its target
 * @ROUTE_DIRECT: it turns round below the root complex; no IOMMU sees it
 * @ROUTE_POSSIBLE: the same, if the hardware does that; nothing forbids it
 * @ROUTE_REDIRECTED: through the root complex, where the IOMMU decides
 * @ROUTE_ROOT: inside the root complex, where PCI does not show the path
 * @ROUTE_BLOCKED: not at all
 * @ROUTE_UNKNOWN: registers that decide could not be read
 */
enum route {
	ROUTE_DIRECT,
	ROUTE_POSSIBLE,
	ROUTE_REDIRECTED,
	ROUTE_ROOT,
	ROUTE_BLOCKED,
	ROUTE_UNKNOWN,
};

/**
 * enum path_cause - what decides the route
 * @PATH_SHARED_BUS: a conventional bus: everybody on it hears everything
 * @PATH_NO_ACS: the function at the turning point has no ACS
 * @PATH_CONTROL_OFF: it has ACS, but the control is off
 * @PATH_CONTROL_ON: the control is on
 * @PATH_EGRESS: egress control
 * @PATH_QUIRK: the kernel vouches for the function
 * @PATH_TRUSTED: SR-IOV functions without ACS, which Linux takes for isolated
 * @PATH_DIRECT_TRANSLATED: Direct Translated P2P
 * @PATH_TRANSLATION_BLOCKED: Translation Blocking
 * @PATH_NO_ATS: the function cannot send translated requests
 * @PATH_NOT_FORWARDED: redirected, but a port above does not let it through
 * @PATH_TURNED_AT_PORT: redirected, but a port above may send it back
 * @PATH_INSIDE_ROOT: nothing of PCI Express between the two
 * @PATH_OTHER_ROOT: the two are below different host bridges
 * @PATH_UNREADABLE: the registers of the function at the turning point, or of a port
 *	above, could not be read
 * @PATH_LOST: the bridge above one of the two is not known
 */
enum path_cause {
	PATH_SHARED_BUS,
	PATH_NO_ACS,
	PATH_CONTROL_OFF,
	PATH_CONTROL_ON,
	PATH_EGRESS,
	PATH_QUIRK,
	PATH_TRUSTED,
	PATH_DIRECT_TRANSLATED,
	PATH_TRANSLATION_BLOCKED,
	PATH_NO_ATS,
	PATH_NOT_FORWARDED,
	PATH_TURNED_AT_PORT,
	PATH_INSIDE_ROOT,
	PATH_OTHER_ROOT,
	PATH_UNREADABLE,
	PATH_LOST,
};

/**
 * struct path - the path of one kind of transaction in one direction
 * @route: how it goes
 * @cause: why
 * @at: the function that decides, -1 if it is the root complex
 * @turn_from: where the paths up meet, the function that the transaction comes from
 * @turn_to: and the one that it goes to; both -1 with PATH_OTHER_ROOT
 */
struct path {
	enum route route;
	enum path_cause cause;
	int at;
	int turn_from;
	int turn_to;
};

struct path path_find(const struct topology *t, int from, int to,
		      enum traffic traffic);
bool path_reaches(const struct topology *t, int from, int to);
bool path_unknown(const struct topology *t, int from, int to);
bool path_at_root(const struct topology *t, const struct path *path);
int path_steps(const struct topology *t, int from, int to, int *steps,
	       int max);

const char *path_route_name(enum route route);
char *path_text(const struct topology *t, const struct path *path,
		enum traffic traffic);

#endif
