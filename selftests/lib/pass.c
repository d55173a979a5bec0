// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "pass.h"

/* A message of one byte, and the room for a descriptor beside it. */
struct parcel {
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec io;
	struct msghdr message;
};

static struct cmsghdr *parcel_init(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->io.iov_base = &parcel->byte;
	parcel->io.iov_len = 1;
	parcel->message.msg_iov = &parcel->io;
	parcel->message.msg_iovlen = 1;
	parcel->message.msg_control = &parcel->control;
	parcel->message.msg_controllen = sizeof(parcel->control);
	return CMSG_FIRSTHDR(&parcel->message);
}

int fd_pass(int socket, int fd, int flags)
{
	struct parcel parcel;
	struct cmsghdr *head = parcel_init(&parcel);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &parcel.message, flags) < 0 ? -errno : 0;
}

int fd_take(int socket, int flags)
{
	struct parcel parcel;
	struct cmsghdr *head;
	int fd;

	parcel_init(&parcel);
	if (recvmsg(socket, &parcel.message, flags | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&parcel.message);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -ENOENT;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}
