// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "command.h"
#include "isolation/graph.h"
#include "isolation/objects.h"
#include "isolation/show.h"
#include "isolation/split_check.h"
#include "module/split.h"

static enum status show(struct session *session, int argc, char **argv)
{
	if (!argc)
		return show_groups(session);
	if (argc > 1)
		usage_error("too many words:", argv[1]);
	return show_device(session, session_function(session, argv[0]));
}

static const struct command commands[] = {
	{ "show", "[DEVICE]",
	  "the IOMMU groups and why each is one; with DEVICE, that one in depth",
	  show },
	{ "graph", "[dot|svg] [--p2p A,B]... [--only CLASS|ADDRESS,...]... [--all]",
	  "a picture; without --p2p, of the ways between groups past the IOMMU",
	  graph },
	{ "split-check", "DEVICE DEVICE",
	  "who would share a risk now if the two turned out not to be isolated",
	  split_check },
	{ "split", "[show] | add DEVICE DEVICE | del DEVICE DEVICE",
	  "declare that two are not isolated: then no two users can have them",
	  split_command },
	{ }
};

const struct object isolation_object = {
	"isolation", "which PCI devices can be kept apart, and why others cannot",
	commands,
};
