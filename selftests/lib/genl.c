// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "genl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (64 << 10)

#define DATA(attr) ((const void *)((const char *)(attr) + NLA_HDRLEN))
#define SIZE(attr) ((size_t)(attr)->nla_len - NLA_HDRLEN)

/* Making messages ---------------------------------------------------------- */

/* Begin a request. */
void genl_begin(const struct genl *genl, struct genl_request *request,
		uint8_t cmd)
{
	memset(request, 0, sizeof(*request));
	request->nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	request->nlh.nlmsg_type = genl->family;
	request->genl.cmd = cmd;
	request->genl.version = 1;
}

/* An attribute of any size that fits. */
void genl_put(struct genl_request *request, int type, const void *data,
	      size_t size)
{
	struct nlattr *attr = (void *)((char *)request +
				       NLMSG_ALIGN(request->nlh.nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + size;
	memcpy((char *)attr + NLA_HDRLEN, data, size);
	request->nlh.nlmsg_len = NLMSG_ALIGN(request->nlh.nlmsg_len) +
				 NLA_ALIGN(attr->nla_len);
}

void genl_put_u32(struct genl_request *request, int type, uint32_t value)
{
	genl_put(request, type, &value, sizeof(value));
}

void genl_put_u64(struct genl_request *request, int type, uint64_t value)
{
	genl_put(request, type, &value, sizeof(value));
}

void genl_put_text(struct genl_request *request, int type, const char *text)
{
	genl_put(request, type, text, strlen(text) + 1);
}

/* Taking messages apart ---------------------------------------------------- */

/* The first attribute of a type in memory that holds attributes, or NULL. */
const struct nlattr *genl_first(const void *data, size_t size, int type)
{
	const struct nlattr *attr = data;

	while (size >= NLA_HDRLEN && attr->nla_len >= NLA_HDRLEN &&
	       attr->nla_len <= size) {
		size_t step = NLA_ALIGN(attr->nla_len);

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (step >= size)
			break;
		size -= step;
		attr = (const void *)((const char *)attr + step);
	}
	return NULL;
}

const struct nlattr *genl_attr(const struct nlmsghdr *row, int type)
{
	size_t head = NLMSG_LENGTH(GENL_HDRLEN);

	if (!row || row->nlmsg_len < head)
		return NULL;
	return genl_first((const char *)row + head, row->nlmsg_len - head,
			  type);
}

const struct nlattr *genl_within(const struct nlattr *nest, int type)
{
	return nest ? genl_first(DATA(nest), SIZE(nest), type) : NULL;
}

/* A number of 16, 32 or 64 bits; all bits set without it. */
uint64_t genl_value(const struct nlattr *attr)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (attr && SIZE(attr) == sizeof(u16)) {
		memcpy(&u16, DATA(attr), sizeof(u16));
		return u16;
	}
	if (attr && SIZE(attr) == sizeof(u32)) {
		memcpy(&u32, DATA(attr), sizeof(u32));
		return u32;
	}
	if (!attr || SIZE(attr) != sizeof(u64))
		return UINT64_MAX;
	memcpy(&u64, DATA(attr), sizeof(u64));
	return u64;
}

/* A string that ends within its attribute, else "". */
const char *genl_text(const struct nlattr *attr)
{
	if (!attr || !memchr(DATA(attr), 0, SIZE(attr)))
		return "";
	return DATA(attr);
}

static int keep(struct genl_rows *rows, const struct nlmsghdr *nlh)
{
	size_t size = NLMSG_ALIGN(nlh->nlmsg_len);

	if (rows->used + size > rows->size) {
		size_t new_size = 2 * rows->size + size + BUFFER;
		char *data = realloc(rows->data, new_size);

		if (!data)
			return -ENOMEM;
		rows->data = data;
		rows->size = new_size;
	}
	memcpy(rows->data + rows->used, nlh, nlh->nlmsg_len);
	rows->used += size;
	rows->nr++;
	return 0;
}

const struct nlmsghdr *genl_row(const struct genl_rows *rows, unsigned int nr)
{
	const struct nlmsghdr *nlh = (const void *)rows->data;

	if (nr >= rows->nr)
		return NULL;
	while (nr--)
		nlh = (const void *)((const char *)nlh +
				     NLMSG_ALIGN(nlh->nlmsg_len));
	return nlh;
}

void genl_free(struct genl_rows *rows)
{
	free(rows->data);
	*rows = (struct genl_rows) { };
}

/* Talking ------------------------------------------------------------------ */

/* The request as it is, but for its number. */
int genl_send(struct genl *genl, struct genl_request *request, uint16_t flags)
{
	request->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlh.nlmsg_seq = ++genl->seq;
	if (send(genl->fd, request, request->nlh.nlmsg_len, 0) < 0)
		return -errno;
	return 0;
}

static int receive(const struct genl *genl, char *buffer)
{
	struct pollfd p = { .fd = genl->fd, .events = POLLIN };
	ssize_t size;

	if (poll(&p, 1, GENL_WAIT_MS) <= 0)
		return -ETIMEDOUT;
	size = recv(genl->fd, buffer, BUFFER, 0);
	return size < 0 ? -errno : size;
}

/* Returns 1 at the end, 0 if there is more, or -errno. */
static int take(const struct genl *genl, const struct nlmsghdr *nlh,
		struct genl_rows *rows)
{
	if (nlh->nlmsg_seq != genl->seq)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error ?: 1;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return *(int *)NLMSG_DATA(nlh) ?: 1;
	return rows ? keep(rows, nlh) : 0;
}

/* Until the answer to the last request is over. */
static int answer(const struct genl *genl, struct genl_rows *rows)
{
	char *buffer = malloc(BUFFER);
	int rc = buffer ? 0 : -ENOMEM;

	while (!rc) {
		int size = receive(genl, buffer);
		struct nlmsghdr *nlh = (void *)buffer;

		rc = size < 0 ? size : 0;
		for (; !rc && NLMSG_OK(nlh, (unsigned int)size);
		     nlh = NLMSG_NEXT(nlh, size))
			rc = take(genl, nlh, rows);
	}
	free(buffer);
	return rc > 0 ? 0 : rc;
}

int genl_do(struct genl *genl, struct genl_request *request)
{
	return genl_send(genl, request, NLM_F_ACK) ?: answer(genl, NULL);
}

/* @rows is overwritten; to be freed, after a failure too. */
int genl_dump(struct genl *genl, struct genl_request *request,
	      struct genl_rows *rows)
{
	*rows = (struct genl_rows) { };
	return genl_send(genl, request, NLM_F_DUMP) ?: answer(genl, rows);
}

/* Waits for one event. @row is overwritten. */
int genl_event(const struct genl *genl, struct genl_rows *row)
{
	char *buffer = malloc(BUFFER);
	int rc = buffer ? receive(genl, buffer) : -ENOMEM;

	*row = (struct genl_rows) { };
	if (rc >= 0)
		rc = NLMSG_OK((struct nlmsghdr *)buffer, (unsigned int)rc) ?
			     keep(row, (struct nlmsghdr *)buffer) : -EBADMSG;
	free(buffer);
	return rc;
}

/* Has nothing arrived? */
bool genl_silent(const struct genl *genl)
{
	struct pollfd p = { .fd = genl->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* The family --------------------------------------------------------------- */

static int resolve(struct genl *genl, const char *family)
{
	struct genl_request request;
	struct genl_rows rows = { };
	const struct nlmsghdr *row;
	const struct nlattr *groups;
	int rc;

	genl->family = GENL_ID_CTRL;
	genl_begin(genl, &request, CTRL_CMD_GETFAMILY);
	genl_put_text(&request, CTRL_ATTR_FAMILY_NAME, family);
	rc = genl_send(genl, &request, NLM_F_ACK) ?: answer(genl, &rows);
	row = genl_row(&rows, 0);
	if (!rc && !row)
		rc = -EBADMSG;
	if (!rc) {
		genl->family = genl_value(genl_attr(row, CTRL_ATTR_FAMILY_ID));
		genl->version = genl_value(genl_attr(row, CTRL_ATTR_VERSION));
		groups = genl_attr(row, CTRL_ATTR_MCAST_GROUPS);
		groups = genl_within(groups, 1);
		if (groups)
			genl->group = genl_value(genl_within(groups,
						 CTRL_ATTR_MCAST_GRP_ID));
	}
	genl_free(&rows);
	return rc;
}

int genl_open(struct genl *genl, const char *family)
{
	int size = 4 << 20, rc;

	*genl = (struct genl) { };
	genl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (genl->fd < 0)
		return -errno;
	setsockopt(genl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	rc = resolve(genl, family);
	if (rc)
		genl_close(genl);
	return rc;
}

void genl_close(struct genl *genl)
{
	if (genl->fd >= 0)
		close(genl->fd);
	genl->fd = -1;
}

/* Join the first group of the family. */
int genl_listen(const struct genl *genl)
{
	if (setsockopt(genl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
		       &genl->group, sizeof(genl->group)))
		return -errno;
	return 0;
}

/* genl_dump() of a command without attributes. @rows is to be freed, after a failure too. */
int genl_fetch(const char *family, uint8_t cmd, struct genl_rows *rows)
{
	struct genl_request request;
	struct genl genl;
	int rc;

	*rows = (struct genl_rows) { };
	rc = genl_open(&genl, family);
	if (rc)
		return rc;
	genl_begin(&genl, &request, cmd);
	rc = genl_dump(&genl, &request, rows);
	genl_close(&genl);
	return rc;
}
