/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that a process passes to another one, through a socket of AF_UNIX.
 */
#ifndef SELFTESTS_PASS_H
#define SELFTESTS_PASS_H

/* @flags: of sendmsg(). Returns 0 or a negative errno. */
int fd_pass(int socket, int fd, int flags);

/*
 * @flags: of recvmsg(). Returns a descriptor, which is closed by exec, or a negative errno:
 * -ENOENT if what came was none.
 */
int fd_take(int socket, int flags);

#endif
