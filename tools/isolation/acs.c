// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "command.h"
#include "isolation/acs_check.h"
#include "isolation/acs_plan.h"
#include "isolation/objects.h"

static const struct command commands[] = {
	{ "plan", "[--p2p A,B...]... [--p2p-class CLASS...]... [--isolate C,D...]... [--for vfio|kernel] [--translated] [--root-complex]",
	  "the pci=config_acs= line that gives direct ways and keeps others apart",
	  acs_plan },
	{ "check", "[--cmdline LINE|FILE]",
	  "whether the kernel's command line does what it says about ACS, and the groups hold",
	  acs_check },
	{ }
};

const struct object acs_object = {
	"acs", "plan access control between PCI devices, and check what there is", commands,
};
