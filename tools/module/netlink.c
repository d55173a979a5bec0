// SPDX-License-Identifier: GPL-2.0-only
#include "module/netlink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/ioasid_netlink.h>

#include "output.h"

/* A burst of events that waits for us. */
#define RECEIVE_BUFFER (4 << 20)

/**
 * struct connection - a socket that knows the family
 * @sock: the socket
 * @family: its number; negative without one
 * @error: of libnl, if there can be no such socket here
 */
struct connection {
	struct nl_sock *sock;
	int family;
	int error;
};

/**
 * struct collection - an answer that is being received
 * @fields: what to take of it
 * @rows: JSON array
 * @error: errno, negative
 * @done: it is complete
 * @function: for events: what to do with each
 */
struct collection {
	const struct field *fields;
	json_t *rows;
	int error;
	bool done;
	void (*function)(json_t *row);
};

/* There is one if the module is loaded, and we are in the first network namespace. */
static struct connection find_family(void)
{
	struct connection c = { .sock = nl_socket_alloc(), .family = -1 };

	if (!c.sock)
		fail(STATUS_FAILED, "out of memory");
	c.error = genl_connect(c.sock);
	if (!c.error)
		c.family = genl_ctrl_resolve(c.sock, IOASID_FAMILY_NAME);
	return c;
}

static struct connection connect_family(void)
{
	struct connection c = find_family();

	if (c.error)
		fail(STATUS_FAILED, "cannot use generic netlink: %s",
		     nl_geterror(c.error));
	if (c.family < 0)
		fail(STATUS_FAILED, "the module iommufd of this project is not loaded (there is no netlink family \"%s\"): modprobe iommufd",
		     IOASID_FAMILY_NAME);
	return c;
}

/* Attributes to JSON ------------------------------------------------------- */

static json_t *name_json(uint32_t value, const char *const *names)
{
	uint32_t i;

	for (i = 0; names[i]; i++)
		if (i == value)
			return json_string(names[i]);
	/* The module is newer than we are */
	return json_integer(value);
}

static json_t *rid_json(uint32_t rid)
{
	char text[24];

	snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", rid >> 16,
		 rid >> 8 & 0xff, rid >> 3 & 0x1f, rid & 7);
	return json_string(text);
}

static json_t *number_json(struct nlattr *attr, const struct field *field)
{
	uint32_t value;

	if (nla_len(attr) < (int)sizeof(value))
		return json_null();
	value = nla_get_u32(attr);
	switch (field->type) {
	case FIELD_NAME:
		return name_json(value, field->names);
	case FIELD_PERM:
		return json_string(value == 3 ? "rw" : value == 2 ? "w" :
				   value == 1 ? "r" : "");
	case FIELD_RID:
		return rid_json(value);
	default:
		return json_integer(value);
	}
}

static json_t *wide_json(struct nlattr *attr, const struct field *field)
{
	char text[24];
	uint64_t value;

	if (nla_len(attr) < (int)sizeof(value))
		return json_null();
	value = nla_get_u64(attr);
	if (field->type != FIELD_ADDRESS)
		return json_integer(value);
	/* The numbers of JSON have a sign, and for many readers 53 bits */
	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *attr_json(struct nlattr *attr, const struct field *field)
{
	char *copy;
	json_t *value;

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_TEXTS:
		copy = xasprintf("%.*s", nla_len(attr),
				 (const char *)nla_data(attr));
		value = json_text(copy);
		free(copy);
		return value;
	case FIELD_NESTS:
		return netlink_row(nla_data(attr), nla_len(attr), field->nest);
	case FIELD_U64:
	case FIELD_BYTES:
	case FIELD_ADDRESS:
	case FIELD_TIME:
		return wide_json(attr, field);
	default:
		return number_json(attr, field);
	}
}

static void add_attr(json_t *row, struct nlattr *attr,
		     const struct field *field)
{
	json_t *value = xjson(attr_json(attr, field)), *array;

	if (field->type != FIELD_NESTS && field->type != FIELD_TEXTS) {
		json_object_set_new(row, field->name, value);
		return;
	}
	array = json_object_get(row, field->name);
	if (!array) {
		array = xjson(json_array());
		json_object_set_new(row, field->name, array);
	}
	json_array_append_new(array, value);
}

/**
 * netlink_row() - a message as a JSON object
 * @attrs: its attributes
 * @size: bytes of them
 * @fields: which to take
 *
 * Return: the object.
 */
json_t *netlink_row(struct nlattr *attrs, int size, const struct field *fields)
{
	json_t *row = xjson(json_object());
	const struct field *field;
	struct nlattr *attr;
	int left;

	for (field = fields; field->attr; field++)
		nla_for_each_attr(attr, attrs, size, left)
			if (nla_type(attr) == field->attr)
				add_attr(row, attr, field);
	return row;
}

static char *time_text(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm *local = localtime(&seconds);
	char text[32];

	if (!local || !strftime(text, sizeof(text), "%F %T", local))
		return xasprintf("?");
	return xasprintf("%s", text);
}

/* Several values in one cell. */
static char *list_text(json_t *array, const struct field *field)
{
	char *text = xasprintf("%s", ""), *old, *one;
	const struct field *f;
	json_t *item, *value;
	size_t i;

	json_array_foreach(array, i, item) {
		old = text;
		if (field->type == FIELD_TEXTS) {
			text = xasprintf("%s%s%s", old, i ? "," : "",
					 json_string_value(item));
			free(old);
			continue;
		}
		text = xasprintf("%s%s", old, i ? "; " : "");
		free(old);
		for (f = field->nest; f->attr; f++) {
			value = json_object_get(item, f->name);
			if (!value || f->hidden)
				continue;
			netlink_text(value, f, &one);
			old = text;
			text = xasprintf("%s%s%s %s", old,
					 f == field->nest ? "" : " ", f->name,
					 one);
			free(old);
			free(one);
		}
	}
	return text;
}

/**
 * netlink_text() - a value for people
 * @value: of a row; NULL if it has none
 * @field: what it is
 * @text: set, to be freed
 */
void netlink_text(json_t *value, const struct field *field, char **text)
{
	if (!value)
		*text = xasprintf("-");
	else if (json_is_array(value))
		*text = list_text(value, field);
	else if (field->type == FIELD_BYTES)
		*text = bytes_text(json_integer_value(value));
	else if (field->type == FIELD_TIME)
		*text = time_text(json_integer_value(value));
	else if (field->type == FIELD_ERRNO)
		*text = xasprintf("%s", strerror(json_integer_value(value)));
	else if (json_is_integer(value))
		*text = xasprintf("%" JSON_INTEGER_FORMAT,
				  json_integer_value(value));
	else
		*text = xasprintf("%s", json_string_value(value) ?: "-");
	clean_text(*text);
}

/* Asking ------------------------------------------------------------------- */

static int receive_row(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *head = genlmsg_hdr(nlmsg_hdr(msg));
	struct collection *collection = arg;
	json_t *row;

	row = netlink_row(genlmsg_attrdata(head, 0), genlmsg_attrlen(head, 0),
			  collection->fields);
	if (collection->function) {
		collection->function(row);
		json_decref(row);
	} else {
		json_array_append_new(collection->rows, row);
	}
	return NL_OK;
}

/* Events answer nothing that we have asked. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int receive_end(struct nl_msg *msg, void *arg)
{
	struct collection *collection = arg;
	struct nlmsghdr *nlh = nlmsg_hdr(msg);

	/* A dump that fails on its way says so at its end */
	if (nlh->nlmsg_type == NLMSG_DONE &&
	    nlmsg_datalen(nlh) >= (int)sizeof(int))
		collection->error = *(int *)nlmsg_data(nlh);
	collection->done = true;
	return NL_STOP;
}

static int receive_error(struct sockaddr_nl *from, struct nlmsgerr *error,
			 void *arg)
{
	struct collection *collection = arg;

	(void)from;
	collection->error = error->error;
	collection->done = true;
	return NL_STOP;
}

static void receive(struct connection *c, struct collection *collection)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int rc = 0;

	if (!cb)
		fail(STATUS_FAILED, "out of memory");
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, receive_row, collection);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, receive_end, collection);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, receive_end, collection);
	if (collection->function)
		nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence,
			  NULL);
	nl_cb_err(cb, NL_CB_CUSTOM, receive_error, collection);
	while (!collection->done && rc >= 0) {
		rc = nl_recvmsgs(c->sock, cb);
		if (collection->function && rc == -NLE_NOMEM) {
			warn("events came faster than they were read: some are missing");
			rc = 0;
		}
	}
	nl_cb_put(cb);
	if (rc < 0 && !collection->error)
		fail(STATUS_FAILED, "cannot read from netlink: %s",
		     nl_geterror(rc));
}

static struct nl_msg *request(const struct connection *c, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0,
				 flags, cmd, IOASID_FAMILY_VERSION))
		fail(STATUS_FAILED, "out of memory");
	return msg;
}

static void send_request(struct connection *c, struct nl_msg *msg)
{
	int rc = nl_send_auto(c->sock, msg);

	nlmsg_free(msg);
	if (rc < 0)
		fail(STATUS_FAILED, "cannot send by netlink: %s",
		     nl_geterror(rc));
}

/**
 * netlink_is_there() - does anybody answer?
 */
bool netlink_is_there(void)
{
	struct connection c = find_family();

	nl_socket_free(c.sock);
	return c.family >= 0;
}

/**
 * netlink_dump() - ask for all objects of a kind
 * @cmd: the command
 * @fields: what to take of each
 * @filters: which objects
 * @nr: how many filters
 *
 * Does not return if that fails.
 *
 * Return: array of objects.
 */
json_t *netlink_dump(int cmd, const struct field *fields,
		     const struct filter *filters, int nr)
{
	struct collection collection = { .fields = fields };
	struct connection c = connect_family();
	struct nl_msg *msg = request(&c, cmd, NLM_F_DUMP);
	int i;

	collection.rows = xjson(json_array());
	for (i = 0; i < nr; i++) {
		if (filters[i].wide)
			nla_put_u64(msg, filters[i].attr, filters[i].value);
		else
			nla_put_u32(msg, filters[i].attr, filters[i].value);
	}
	send_request(&c, msg);
	receive(&c, &collection);
	nl_socket_free(c.sock);
	if (collection.error)
		fail(STATUS_FAILED, "the kernel refuses: %s",
		     strerror(-collection.error));
	return collection.rows;
}

/**
 * netlink_pair() - add or delete a pair of devices
 * @cmd: which
 * @device: one
 * @other: the other
 *
 * Does not return if that fails.
 */
void netlink_pair(int cmd, const char *device, const char *other)
{
	static const struct field nothing[1];
	struct collection collection = { .fields = nothing };
	struct connection c = connect_family();
	struct nl_msg *msg = request(&c, cmd, NLM_F_ACK);

	collection.rows = xjson(json_array());
	if (nla_put_string(msg, IOASID_A_SPLIT_DEVICE, device) ||
	    nla_put_string(msg, IOASID_A_SPLIT_OTHER, other))
		fail(STATUS_USAGE, "such names do no devices have");
	send_request(&c, msg);
	receive(&c, &collection);
	json_decref(collection.rows);
	nl_socket_free(c.sock);
	switch (-collection.error) {
	case 0:
		return;
	case EPERM:
		fail(STATUS_FAILED, "that takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN)");
	case EEXIST:
		fail(STATUS_FAILED, "%s and %s have been declared already",
		     device, other);
	case ENOENT:
		fail(STATUS_FAILED, "%s and %s have not been declared", device,
		     other);
	default:
		fail(STATUS_FAILED, "the kernel refuses: %s",
		     strerror(-collection.error));
	}
}

/**
 * netlink_listen() - be told of events, for ever
 * @function: gets each, as an object
 * @fields: what to take of each
 */
void netlink_listen(void (*function)(json_t *row), const struct field *fields)
{
	struct collection collection = {
		.fields = fields, .function = function,
	};
	struct connection c = connect_family();
	int group, rc;

	group = genl_ctrl_resolve_grp(c.sock, IOASID_FAMILY_NAME,
				      IOASID_MCGRP_EVENTS);
	rc = group < 0 ? group : nl_socket_add_membership(c.sock, group);
	if (rc)
		fail(STATUS_FAILED, "cannot listen, which takes root (CAP_SYS_ADMIN): %s",
		     nl_geterror(rc));
	nl_socket_set_buffer_size(c.sock, RECEIVE_BUFFER, 0);
	receive(&c, &collection);
}
