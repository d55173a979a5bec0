/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that reads a file into memory which is not there until the test says so, or
 * never is.
 */
#ifndef SELFTESTS_LIB_HELD_READ_H
#define SELFTESTS_LIB_HELD_READ_H

#include <pthread.h>

#include "hold.h"

#define HELD_READ_MS 20000

/**
 * struct held_read - one read()
 * @hold: where to
 * @thread: that reads
 * @fd: the file
 * @size: how much, in bytes, at most a page
 * @rc: what the read has returned, or -errno
 */
struct held_read {
	struct hold hold;
	pthread_t thread;
	int fd;
	size_t size;
	ssize_t rc;
};

static void *held_read_fn(void *arg)
{
	struct held_read *read_ = arg;

	read_->rc = read(read_->fd, read_->hold.page, read_->size);
	if (read_->rc < 0)
		read_->rc = -errno;
	return NULL;
}

/* Returns when the thread waits for the memory: 0 or -errno. */
static inline int held_read_begin(struct held_read *read_, int fd, size_t size)
{
	int rc = hold_open(&read_->hold);

	read_->fd = fd;
	read_->size = size;
	if (rc || pthread_create(&read_->thread, NULL, held_read_fn, read_))
		return rc ?: -EAGAIN;
	return hold_wait(&read_->hold, HELD_READ_MS) ? 0 : -ETIMEDOUT;
}

/* The memory is there, or (@fail) will never be. Returns what the read has. */
static inline ssize_t held_read_end(struct held_read *read_, bool fail)
{
	int rc = fail ? munmap(read_->hold.page, HOLD_PAGE) :
			hold_release(&read_->hold);

	/* Who waits is woken by the close. */
	close(read_->hold.fd);
	pthread_join(read_->thread, NULL);
	if (!fail)
		munmap(read_->hold.page, HOLD_PAGE);
	return rc ?: read_->rc;
}

#endif
