/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink, by hand: requests can be as wrong as a test wants them.
 *
 * Functions return 0 (or what they say) or -errno.
 */
#ifndef SELFTESTS_LIB_GENL_H
#define SELFTESTS_LIB_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#define GENL_WAIT_MS 20000

/**
 * struct genl - a socket that talks to a family
 * @fd: the socket
 * @family: number of the family
 * @version: of the family
 * @group: number of its first multicast group, 0 without one
 * @seq: of the last request
 */
struct genl {
	int fd;
	uint16_t family;
	uint32_t version;
	uint32_t group;
	uint32_t seq;
};

/**
 * struct genl_request - a message that is being made
 * @nlh: its head
 * @genl: what the kind of netlink adds
 * @room: for attributes
 */
struct genl_request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	char room[8192];
};

/**
 * struct genl_rows - what a dump has brought
 * @data: the messages, one after another
 * @used: bytes
 * @size: bytes that there is room for
 * @nr: messages
 */
struct genl_rows {
	char *data;
	size_t used;
	size_t size;
	unsigned int nr;
};

int genl_open(struct genl *genl, const char *family);
void genl_close(struct genl *genl);
int genl_listen(const struct genl *genl);

void genl_begin(const struct genl *genl, struct genl_request *request,
		uint8_t cmd);
void genl_put(struct genl_request *request, int type, const void *data,
	      size_t size);
void genl_put_u32(struct genl_request *request, int type, uint32_t value);
void genl_put_u64(struct genl_request *request, int type, uint64_t value);
void genl_put_text(struct genl_request *request, int type, const char *text);

int genl_send(struct genl *genl, struct genl_request *request, uint16_t flags);
int genl_do(struct genl *genl, struct genl_request *request);
int genl_dump(struct genl *genl, struct genl_request *request,
	      struct genl_rows *rows);
int genl_fetch(const char *family, uint8_t cmd, struct genl_rows *rows);
int genl_event(const struct genl *genl, struct genl_rows *row);
bool genl_silent(const struct genl *genl);

void genl_free(struct genl_rows *rows);
const struct nlmsghdr *genl_row(const struct genl_rows *rows, unsigned int nr);
const struct nlattr *genl_attr(const struct nlmsghdr *row, int type);
const struct nlattr *genl_within(const struct nlattr *nest, int type);
const struct nlattr *genl_first(const void *data, size_t size, int type);
uint64_t genl_value(const struct nlattr *attr);
const char *genl_text(const struct nlattr *attr);

#endif
