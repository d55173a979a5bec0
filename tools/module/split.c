// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid isolation split: pairs of devices declared not to be isolated.
 */
#include "module/split.h"

#include <string.h>

#include <linux/ioasid_netlink.h>

#include "module/netlink.h"
#include "module/table.h"

static const struct field split_fields[] = {
	FIELD("device", IOASID_A_SPLIT_DEVICE, TEXT),
	FIELD("other", IOASID_A_SPLIT_OTHER, TEXT),
	{ }
};

/**
 * split_pairs() - all pairs that have been declared
 *
 * Return: array of objects with device and other. Does not return without the module.
 */
json_t *split_pairs(void)
{
	return netlink_dump(IOASID_CMD_SPLIT_GET, split_fields, NULL, 0);
}

/**
 * split_command() - show, add or delete such pairs
 * @session: options; devices are named as sysfs does, PCI or not
 * @argc: number of words
 * @argv: the words
 *
 * Return: exit status.
 */
enum status split_command(struct session *session, int argc, char **argv)
{
	int cmd;

	session_live(session);
	if (!argc || !strcmp(argv[0], "show")) {
		if (argc > 1)
			usage_error("too many words:", argv[1]);
		table_print(split_pairs(), split_fields);
		return STATUS_OK;
	}
	if (!strcmp(argv[0], "add"))
		cmd = IOASID_CMD_SPLIT_ADD;
	else if (!strcmp(argv[0], "del"))
		cmd = IOASID_CMD_SPLIT_DEL;
	else
		usage_error("split takes add, del or show, not", argv[0]);
	if (argc != 3)
		fail(STATUS_USAGE, "split %s takes two devices", argv[0]);
	netlink_pair(cmd, argv[1], argv[2]);
	return STATUS_OK;
}
