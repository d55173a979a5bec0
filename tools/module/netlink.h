/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's generic netlink family, and its answers as rows of fields.
 */
#ifndef IOASID_NETLINK_H
#define IOASID_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <netlink/msg.h>

/**
 * enum field_type - what is in an attribute
 * @FIELD_U32: a number
 * @FIELD_U64: a large one
 * @FIELD_BYTES: likewise, of bytes
 * @FIELD_ADDRESS: likewise, written in hexadecimal
 * @FIELD_TIME: likewise, nanoseconds since 1970; in text, the local time
 * @FIELD_TEXT: a string
 * @FIELD_TEXTS: a string; there may be several of the same attribute
 * @FIELD_NAME: a number that has a name
 * @FIELD_PERM: 1 for reading, 2 for writing
 * @FIELD_ERRNO: a number of errno(3)
 * @FIELD_RID: a PCI domain, bus and function
 * @FIELD_NESTS: attributes in an attribute; there may be several
 */
enum field_type {
	FIELD_U32,
	FIELD_U64,
	FIELD_BYTES,
	FIELD_ADDRESS,
	FIELD_TIME,
	FIELD_TEXT,
	FIELD_TEXTS,
	FIELD_NAME,
	FIELD_PERM,
	FIELD_ERRNO,
	FIELD_RID,
	FIELD_NESTS,
};

/**
 * struct field - one attribute of an answer
 * @name: in JSON, and over the column
 * @attr: its number; the last field has 0
 * @type: what is in it
 * @names: with FIELD_NAME: what the numbers mean
 * @nest: with FIELD_NESTS: the fields in it
 * @hidden: in JSON only: a table has no room for everything
 */
struct field {
	const char *name;
	int attr;
	enum field_type type;
	const char *const *names;
	const struct field *nest;
	bool hidden;
};

/**
 * struct filter - a condition that goes with a request
 * @attr: attribute
 * @wide: it has 64 bits
 * @value: what it must be
 */
struct filter {
	int attr;
	bool wide;
	uint64_t value;
};

/* A field; more of it may follow the type. */
#define FIELD(name_, attr_, type_, ...)					\
	{ .name = (name_), .attr = (attr_), .type = FIELD_##type_, __VA_ARGS__ }

bool netlink_is_there(void);
json_t *netlink_dump(int cmd, const struct field *fields,
		     const struct filter *filters, int nr);
void netlink_pair(int cmd, const char *device, const char *other);
void netlink_listen(void (*function)(json_t *row), const struct field *fields);
void netlink_text(json_t *value, const struct field *field, char **text);
json_t *netlink_row(struct nlattr *attrs, int size, const struct field *fields);

#endif
